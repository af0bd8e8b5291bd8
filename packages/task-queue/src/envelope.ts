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

/** An envelope with its payload, still encoded. */
export interface OpenedEnvelope extends Envelope {
  readonly payload: string;
}

/** The stored body: format mark, header, payload. A header without options is the bare name. */
export function sealEnvelope(envelope: Envelope, payload: string): string {
  return bodyMark + headerOf(envelope) + payloadSeparator + payload;
}

function headerOf({ name, maxAttempts, traceparent, dueInMs }: Envelope): string {
  if (maxAttempts === undefined && traceparent === undefined && dueInMs === undefined) return name;
  const fields = [name, maxAttempts, traceparent, dueInMs].map((field) => String(field ?? ''));
  while (fields.at(-1) === '') fields.pop();
  return fields.join(fieldSeparator);
}

/**
 * The header and the still encoded payload of a body.
 *
 * @throws `PayloadInvalidError` for a format mark this release does not know, or a body without a header.
 */
export function openEnvelope(body: string): OpenedEnvelope {
  const end = body.indexOf(payloadSeparator);
  if (!body.startsWith(bodyMark) || end === -1) {
    throw new PayloadInvalidError('task', [{ path: '', message: 'has no header this release can read' }]);
  }
  const header = body.slice(bodyMark.length, end);
  const payload = body.slice(end + payloadSeparator.length);
  // Every task passes here once a delivery, and most have a name only.
  if (!header.includes(fieldSeparator)) {
    return { name: header, maxAttempts: undefined, traceparent: undefined, dueInMs: undefined, payload };
  }
  const [name = '', attempts, traceparent, dueIn] = header.split(fieldSeparator);
  return {
    name,
    maxAttempts: numberIn(attempts),
    traceparent: traceparent === '' ? undefined : traceparent,
    dueInMs: numberIn(dueIn),
    payload,
  };
}

function numberIn(field = ''): number | undefined {
  return field === '' ? undefined : Number(field);
}
