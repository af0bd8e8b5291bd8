import { z } from 'zod';
import { longestDelayMs, type Backoff } from './backoff.ts';
import { milliseconds } from './options.ts';

const delayMs = milliseconds(0, longestDelayMs);

// From zero nothing grows: the other fields would be accepted without an effect.
const range = { initialMs: milliseconds(1, longestDelayMs), maxMs: milliseconds(1, longestDelayMs) };
const growing = { ...range, jitter: z.enum(['none', 'full', 'equal']).optional() };

const isOrdered = ({ initialMs, maxMs }: { initialMs: number; maxMs: number }): boolean => initialMs <= maxMs;
const notOrdered = { error: 'must be at least initialMs', path: ['maxMs'] };

const slope = z.number({ error: 'must be a number above 0' }).positive({ error: 'must be above 0' });
const base = z.number({ error: 'must be a number of at least 1' }).min(1, { error: 'must be at least 1' });

/**
 * Validates a {@link Backoff}: known fields only, whole milliseconds up to a century, `maxMs` not below `initialMs`.
 * Whether a custom name is registered is known only where it runs.
 */
export const backoffSchema: z.ZodType<Backoff> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('fixed'), delayMs }),
  z
    .strictObject({ type: z.literal(['linear', 'fibonacci']), ...growing, factor: slope.optional() })
    .refine(isOrdered, notOrdered),
  z
    .strictObject({ type: z.literal('exponential'), ...growing, factor: base.optional() })
    .refine(isOrdered, notOrdered),
  z.strictObject({ type: z.literal('decorrelated'), ...range }).refine(isOrdered, notOrdered),
  z.strictObject({
    type: z.literal('list'),
    delaysMs: z.array(delayMs).min(1, { error: 'must have at least one delay' }),
  }),
  z.strictObject({ type: z.literal('custom'), name: z.string().min(1, { error: 'must not be empty' }) }),
]);
