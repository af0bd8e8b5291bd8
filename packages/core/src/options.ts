import { z } from 'zod';
import type { Codec } from './codec.ts';
import { ConfigurationError } from './errors.ts';
import type { ErrorHandler, Logger } from './logger.ts';
import { explainIssue } from './option-issue.ts';
import { joinPath } from './path.ts';

/** What every `createX` takes. Defaults come from the connection. */
export interface BaseOptions<Redis = unknown> {
  readonly redis: Redis;
  readonly logger?: Logger | undefined;
  readonly onError?: ErrorHandler | undefined;
  /** Largest encoded payload; default 256 KiB. */
  readonly maxPayloadBytes?: number | undefined;
  readonly codec?: Codec | undefined;
}

/**
 * Validates options once, at construction. The first thing wrong becomes a `ConfigurationError` that names the path,
 * the rule and the value.
 */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  path = 'options',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { steps, rule } = explainIssue(result.error.issues[0]!);
  throw new ConfigurationError(joinPath(path, steps), rule, valueAt(value, steps));
}

function valueAt(value: unknown, steps: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of steps) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[step];
  }
  return current;
}

/** A whole number of milliseconds between `least` and `most`. */
export function milliseconds(least = 0, most: number = Number.MAX_SAFE_INTEGER): z.ZodNumber {
  return wholeNumber(least, most, 'milliseconds');
}

/** A whole number between `least` and `most`. */
export function count(least = 0, most: number = Number.MAX_SAFE_INTEGER): z.ZodNumber {
  return wholeNumber(least, most, 'number');
}

function wholeNumber(least: number, most: number, unit: string): z.ZodNumber {
  const whole = `must be a whole ${unit === 'number' ? 'number' : `number of ${unit}`}`;
  return z
    .number({ error: whole })
    .int({ error: whole })
    .min(least, { error: `must be at least ${least}` })
    .max(most, { error: `must be at most ${most}` });
}

const longestName = 512;
// Braces make cluster hash tags, NUL separates our members, CR and LF end protocol lines.
// oxlint-disable-next-line no-control-regex -- control characters are what the rule is about
const forbiddenInNames = /[\u0000-\u001f\u007f{}]/;

/** A name given by a user: 1..512 bytes, no control characters, no braces. */
export function assertName(value: unknown, path: string): asserts value is string {
  if (typeof value !== 'string' || value === '')
    throw new ConfigurationError(path, 'must be a non-empty string', value);
  if (Buffer.byteLength(value) > longestName)
    throw new ConfigurationError(path, `must be at most ${longestName} bytes`, value);
  if (forbiddenInNames.test(value)) {
    throw new ConfigurationError(path, 'must not contain control characters or braces', value);
  }
}
