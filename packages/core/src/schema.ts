import { ConfigurationError, PayloadInvalidError, type PayloadIssue } from './errors.ts';
import { whenReady, type MaybePromise } from './maybe-promise.ts';
import { joinPath } from './path.ts';
import type { InferOutput, StandardIssue, StandardResult, StandardSchemaV1 } from './standard-schema.ts';

/**
 * The schema's output for a value: at once when the schema is synchronous, else a promise. What a schema itself throws
 * (a lookup in an async refinement that failed) passes through as it is.
 *
 * @throws `PayloadInvalidError` naming `what` and each issue.
 */
export function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  value: unknown,
  what: string,
): MaybePromise<InferOutput<Schema>> {
  return whenReady(schema['~standard'].validate(value), (result) => outputOf(result, what));
}

/**
 * {@link validate} where no promise can be awaited.
 *
 * @throws `ConfigurationError` when the schema is asynchronous, `PayloadInvalidError` when it refuses the value.
 */
export function validateSync<Schema extends StandardSchemaV1>(
  schema: Schema,
  value: unknown,
  what: string,
): InferOutput<Schema> {
  return requireSync(validate(schema, value, what), schema, what);
}

/** The value itself, or a `ConfigurationError` when it is only promised. */
export function requireSync<T>(
  value: MaybePromise<T>,
  schema: StandardSchemaV1 | undefined,
  what: string,
): T {
  if (!(value instanceof Promise)) return value;
  // Nobody will await it, and its rejection must not end the process.
  value.catch(() => undefined);
  throw new ConfigurationError(`schema of ${what}`, 'must be synchronous', schema?.['~standard'].vendor);
}

function outputOf<Output>(result: StandardResult<Output>, what: string): Output {
  if (result.issues === undefined) return result.value;
  throw new PayloadInvalidError(what, result.issues.map(payloadIssue));
}

function payloadIssue(issue: StandardIssue): PayloadIssue {
  const steps = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step));
  return { path: joinPath('', steps), message: issue.message };
}
