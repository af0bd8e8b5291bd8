import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openEnvelope, sealEnvelope } from '../src/envelope.ts';

const name = fc.string({ minLength: 1 }).filter((text) => !/[\t\n]/.test(text));

describe('an envelope', () => {
  test('gives back what was sealed in it, whatever the payload', () => {
    const header = fc.record(
      {
        name,
        maxAttempts: fc.integer({ min: 1, max: 1_000 }),
        traceparent: fc.stringMatching(/^[0-9a-f-]{55}$/),
      },
      { requiredKeys: ['name'] },
    );
    fc.assert(
      fc.property(header, fc.string(), (envelope, payload) => {
        expect(openEnvelope(sealEnvelope(envelope, payload))).toEqual({ ...envelope, payload });
      }),
    );
  });

  test('costs a plain task its name and two bytes', () => {
    expect(sealEnvelope({ name: 'email.send' }, '1{}')).toBe('1email.send\n1{}');
  });

  test.each(['', '2email.send\n1{}', 'email.send', '1email.send'])('refuses %j', (body) => {
    expect(() => openEnvelope(body)).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
  });
});
