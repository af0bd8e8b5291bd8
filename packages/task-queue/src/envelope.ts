import { bodyMark, PayloadInvalidError } from '@lockstep/core';

/** What travels with a task's payload and is read before it. */
export interface Envelope {
  readonly name: string;
  /** Overrides the definition's `maxAttempts`. */
  readonly maxAttempts?: number | undefined;
  /** W3C trace context of the producer. */
  readonly traceparent?: string | undefined;
  /** How long after it was enqueued it was to become due. */
  readonly dueInMs?: number | undefined;
}

// Names have no control characters, so neither separator can occur in a field.
const fieldSeparator = '\t';
const payloadSeparator = '\n';

/** The stored body: format mark, header, payload. A header without options is the bare name. */
export function sealEnvelope({ name, maxAttempts, traceparent, dueInMs }: Envelope, payload: string): string {
  const fields = [name, maxAttempts, traceparent, dueInMs].map((field) => String(field ?? ''));
  while (fields.at(-1) === '') fields.pop();
  return bodyMark + fields.join(fieldSeparator) + payloadSeparator + payload;
}

/**
 * The header and the still encoded payload of a body.
 *
 * @throws `PayloadInvalidError` for a format mark this release does not know, or a body without a header.
 */
export function openEnvelope(body: string): Envelope & { readonly payload: string } {
  const end = body.indexOf(payloadSeparator);
  if (!body.startsWith(bodyMark) || end === -1) {
    throw new PayloadInvalidError('task', [{ path: '', message: 'has no header this release can read' }]);
  }
  const [name = '', attempts = '', traceparent = '', dueIn = ''] = body
    .slice(bodyMark.length, end)
    .split(fieldSeparator);
  return {
    name,
    payload: body.slice(end + payloadSeparator.length),
    ...(attempts !== '' && { maxAttempts: Number(attempts) }),
    ...(traceparent !== '' && { traceparent }),
    ...(dueIn !== '' && { dueInMs: Number(dueIn) }),
  };
}
