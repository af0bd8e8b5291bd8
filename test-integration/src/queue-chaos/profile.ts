/** How much of the chaos is run: `light` in CI, `full` by command. */
export type Profile = 'light' | 'full';

/** `LOCKSTEP_CHAOS`, `light` unless it says `full`. */
export function chaosProfile(): Profile {
  const value = process.env['LOCKSTEP_CHAOS'] ?? 'light';
  if (value !== 'light' && value !== 'full')
    throw new Error(`LOCKSTEP_CHAOS must be light or full, got ${value}`);
  return value;
}

/** For a whole test: a hundred rounds of faults take their time, the more so on a busy machine. */
export const profileTimeoutMs = chaosProfile() === 'full' ? 3_600_000 : 300_000;
