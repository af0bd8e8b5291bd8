/** A century: keeps every due date, now + delay, an exact integer. */
export const longestDelayMs = 100 * 365 * 24 * 60 * 60 * 1000;
