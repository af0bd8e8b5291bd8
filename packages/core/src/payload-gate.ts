import { assertPayloadSize, markBody, unmarkBody, type Codec } from './codec.ts';
import { ConfigurationError, isLockstepError, PayloadInvalidError } from './errors.ts';
import { whenReady, type MaybePromise } from './maybe-promise.ts';
import { requireSync, validate } from './schema.ts';
import type { InferInput, InferOutput, StandardSchemaV1 } from './standard-schema.ts';

/** What both ends of a named payload agree on. */
export interface PayloadContract<Schema extends StandardSchemaV1 | undefined = StandardSchemaV1 | undefined> {
  readonly codec: Codec;
  /** Without one, payloads pass unchecked. */
  readonly schema?: Schema | undefined;
  /** Names the payload in errors, for example `task email.send`. */
  readonly what: string;
  readonly maxPayloadBytes: number;
}

/** What the producer passes under a contract. */
export type PayloadInput<Schema> = Schema extends StandardSchemaV1 ? InferInput<Schema> : unknown;

/** What the consumer receives under a contract. */
export type PayloadOutput<Schema> = Schema extends StandardSchemaV1 ? InferOutput<Schema> : unknown;

/** The two doors of a named payload; a promise only where the schema is asynchronous. */
export interface PayloadGate<Input, Output> {
  /**
   * The body to store or send. The schema must accept the value; what goes on the wire is the value as given, not the
   * schema's output, so that the consumer's one parse applies transforms and defaults exactly once.
   *
   * @throws `PayloadInvalidError`, `PayloadTooLargeError`; `ConfigurationError` when the schema refuses its own input
   * after a trip through the codec (a Date under JSON). That is tried until it succeeded once.
   */
  encode(value: Input): MaybePromise<string>;
  /**
   * The schema's output for a body.
   *
   * @throws `PayloadInvalidError` for an unknown format mark, for text that does not decode and for a refused value.
   */
  decode(body: string): MaybePromise<Output>;
}

/** A {@link PayloadGate} that never promises. */
export interface SyncPayloadGate<Input, Output> extends PayloadGate<Input, Output> {
  encode(value: Input): string;
  decode(body: string): Output;
}

/** The gate of a contract. One gate per name and process: the first payload through it proves the contract. */
export function createPayloadGate<Schema extends StandardSchemaV1 | undefined = undefined>(
  contract: PayloadContract<Schema>,
): PayloadGate<PayloadInput<Schema>, PayloadOutput<Schema>> {
  let proven = contract.schema === undefined;
  return {
    encode: (value) =>
      whenReady(check(contract, value), () => {
        const text = encodePayload(contract, value, proven);
        assertPayloadSize(text, contract.maxPayloadBytes, contract.what);
        if (proven) return markBody(text);
        return whenReady(proveRoundTrip(contract, text), () => {
          proven = true;
          return markBody(text);
        });
      }),
    decode: (body) => check(contract, decodePayload(contract, body)),
  };
}

/** The gate for callers that cannot wait: an asynchronous schema is a `ConfigurationError` at its first use. */
export function createSyncPayloadGate<Schema extends StandardSchemaV1 | undefined = undefined>(
  contract: PayloadContract<Schema>,
): SyncPayloadGate<PayloadInput<Schema>, PayloadOutput<Schema>> {
  const gate = createPayloadGate(contract);
  return {
    encode: (value) => requireSync(gate.encode(value), contract.schema, contract.what),
    decode: (body) => requireSync(gate.decode(body), contract.schema, contract.what),
  };
}

function check<Schema extends StandardSchemaV1 | undefined>(
  { schema, what }: PayloadContract<Schema>,
  value: unknown,
): MaybePromise<PayloadOutput<Schema>> {
  // The conditional type is not resolved while Schema is open: undefined means unknown, which any value is.
  const output = schema === undefined ? value : validate(schema, value, what);
  return output as MaybePromise<PayloadOutput<Schema>>;
}

function encodePayload(contract: PayloadContract, value: unknown, proven: boolean): string {
  try {
    return contract.codec.encode(value);
  } catch (cause) {
    const error = refusal(contract, 'encode', cause);
    throw proven ? error : unfit(contract, error);
  }
}

function decodePayload(contract: PayloadContract, body: string): unknown {
  try {
    return contract.codec.decode(unmarkBody(body));
  } catch (cause) {
    throw refusal(contract, 'decode', cause);
  }
}

/** What the consumer will do, done once at the producer, where a bad contract is a bug in plain sight. */
function proveRoundTrip(contract: PayloadContract, text: string): MaybePromise<unknown> {
  try {
    const output = check(contract, contract.codec.decode(text));
    return output instanceof Promise
      ? output.catch((cause: unknown) => rejectUnfit(contract, cause))
      : output;
  } catch (cause) {
    return rejectUnfit(contract, cause);
  }
}

function rejectUnfit(contract: PayloadContract, cause: unknown): never {
  throw isLockstepError(cause, 'PAYLOAD_INVALID') ? unfit(contract, cause) : cause;
}

/** A codec's failure under the payload's own name. */
function refusal(contract: PayloadContract, action: string, cause: unknown): PayloadInvalidError {
  const issues = isLockstepError(cause, 'PAYLOAD_INVALID')
    ? cause.issues
    : [{ path: '', message: `codec ${contract.codec.name} cannot ${action} it` }];
  return new PayloadInvalidError(contract.what, issues, { cause });
}

/** Names the issues but not the payload, which may hold secrets. */
function unfit({ codec, schema, what }: PayloadContract, cause: PayloadInvalidError): ConfigurationError {
  const issues = cause.issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const rule = `must accept its own input after the ${codec.name} codec (${issues.join('; ')})`;
  return new ConfigurationError(`schema of ${what}`, rule, schema?.['~standard'].vendor, { cause });
}
