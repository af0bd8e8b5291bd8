import { PayloadInvalidError, PayloadTooLargeError } from './errors.ts';
import { findUnencodable } from './unencodable.ts';

/**
 * Turns payloads into text and back. Both directions are synchronous and pure; what cannot be encoded or decoded
 * throws `PayloadInvalidError`. All processes that share a structure need the same codec.
 */
export interface Codec {
  /** Names the format, for example `json`. */
  readonly name: string;
  encode(value: unknown): string;
  decode(text: string): unknown;
}

/** Largest encoded payload unless `maxPayloadBytes` says otherwise: 256 KiB. */
export const defaultMaxPayloadBytes = 256 * 1024;

// JSON writes these where a value was lost (NaN, a Map) or where decoding would lose one (a dangerous key).
const suspectOutput = /null|\{\}|"(?:__proto__|constructor|prototype)":/;
// A `\u` escape may spell a dangerous key in disguise.
const suspectInput = /__proto__|constructor|prototype|\\u/;

/**
 * JSON. `undefined` is the empty text; as a property it is left out. What JSON would change silently is refused with
 * `PayloadInvalidError` and its path: bigint, NaN, Infinity, cycles, Map, Set, a hole in an array, and the keys
 * `__proto__`, `constructor` and `prototype`, which `decode` drops whoever wrote them. An object with `toJSON`, such as
 * a Date, is written as that says and comes back as it was written: a string.
 */
export const jsonCodec: Codec = { name: 'json', encode: encodeJson, decode: decodeJson };

function encodeJson(value: unknown): string {
  if (value === undefined) return '';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw refused(value, cause);
  }
  if (text === undefined) throw refused(value);
  if (suspectOutput.test(text) && findUnencodable(value)) throw refused(value);
  return text;
}

function refused(value: unknown, cause?: unknown): PayloadInvalidError {
  const issue = findUnencodable(value) ?? { path: '', message: 'cannot be written as JSON' };
  return new PayloadInvalidError('payload', [issue], cause === undefined ? undefined : { cause });
}

function decodeJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return suspectInput.test(text) ? JSON.parse(text, dropDangerousKey) : JSON.parse(text);
  } catch {
    // The parser's own message quotes the payload, which must not reach a log: hence no cause.
    throw new PayloadInvalidError('payload', [{ path: '', message: 'is not JSON' }]);
  }
}

/** Runs on each key after escapes are resolved; `undefined` removes the property. */
function dropDangerousKey(key: string, value: unknown): unknown {
  return key === '__proto__' || key === 'constructor' || key === 'prototype' ? undefined : value;
}

/** First byte of every body. A release that changes the form of bodies writes another one and reads both. */
export const bodyMark = '1';

/** The body as it is stored or published: the format mark, then the encoded payload. */
export function markBody(text: string): string {
  return bodyMark + text;
}

/**
 * The encoded payload of a body.
 *
 * @throws `PayloadInvalidError` for a mark this release does not know, or none.
 */
export function unmarkBody(body: string): string {
  if (body.startsWith(bodyMark)) return body.slice(bodyMark.length);
  const found = body === '' ? 'no format mark' : `an unknown format mark (${JSON.stringify(body.charAt(0))})`;
  throw new PayloadInvalidError('body', [{ path: '', message: `has ${found}` }]);
}

/**
 * Refuses an encoded payload of more than `maxBytes` bytes of UTF-8, the format mark not counted. The text is measured
 * only when its length leaves the answer open.
 *
 * @throws `PayloadTooLargeError`
 */
export function assertPayloadSize(text: string, maxBytes: number, what: string): void {
  // A UTF-16 unit is one to three bytes of UTF-8.
  if (text.length * 3 <= maxBytes) return;
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw new PayloadTooLargeError({ what, bytes, maxBytes });
}
