import { inspect } from 'node:util';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { z } from 'zod';
import {
  createPayloadGate,
  createSyncPayloadGate,
  defaultMaxPayloadBytes,
  jsonCodec,
  markBody,
  type Codec,
  type PayloadInvalidError,
  type StandardSchemaV1,
} from '@lockstep/core';

const what = 'task email.send';

function gateFor<Schema extends StandardSchemaV1>(schema: Schema, codec: Codec = jsonCodec) {
  return createPayloadGate({ codec, schema, what, maxPayloadBytes: defaultMaxPayloadBytes });
}

/** A codec that dates survive. */
const datedCodec: Codec = {
  name: 'dated',
  encode: (value) => JSON.stringify({ at: (value as { at: Date }).at.getTime() }),
  decode: (text) => ({ at: new Date((JSON.parse(text) as { at: number }).at) }),
};

describe('a payload with a schema', () => {
  test('travels as it was given and is parsed once, by the consumer', async () => {
    const schema = z.object({
      id: z.string().transform((id) => `${id}!`),
      n: z.coerce.number(),
      to: z.string().default('all'),
    });
    const gate = gateFor(schema);
    const body = await gate.encode({ id: 'a', n: '5' });
    expect(body).toBe(markBody('{"id":"a","n":"5"}'));
    const received = await gate.decode(body);
    expect(received).toEqual({ id: 'a!', n: 5, to: 'all' });
    expectTypeOf(received).toEqualTypeOf<{ id: string; n: number; to: string }>();
    expectTypeOf<Parameters<typeof gate.encode>[0]>().toEqualTypeOf<{
      id: string;
      n: unknown;
      to?: string | undefined;
    }>();
  });

  test('takes no promise where the schema takes none', () => {
    const gate = gateFor(z.object({ a: z.number() }));
    expect(gate.encode({ a: 1 })).toBe(markBody('{"a":1}'));
    expect(gate.decode(markBody('{"a":1}'))).toEqual({ a: 1 });
  });

  test('waits for an asynchronous refinement at both ends', async () => {
    const even = z.object({ n: z.number().refine((n) => Promise.resolve(n % 2 === 0), { error: 'odd' }) });
    const gate = gateFor(even);
    const body = await gate.encode({ n: 4 });
    await expect(gate.decode(body)).resolves.toEqual({ n: 4 });
    await expect(gate.encode({ n: 3 })).rejects.toThrow('task email.send is invalid: n: odd');
    await expect(gate.decode(markBody('{"n":3}'))).rejects.toThrow('task email.send is invalid: n: odd');
  });

  test('is refused at the producer when the schema does not take it', () => {
    const gate = gateFor(z.object({ a: z.number() }));
    expect(() => gate.encode({ a: 'x' } as unknown as { a: number })).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_INVALID', what }) as Error,
    );
  });

  test('is refused at the consumer when it does not decode, under its own name', () => {
    const gate = gateFor(z.object({ a: z.number() }));
    for (const body of [markBody('{'), '9{}', '', markBody('{"a":"x"}')]) {
      expect(() => gate.decode(body)).toThrow(
        expect.objectContaining({ code: 'PAYLOAD_INVALID', what }) as Error,
      );
    }
  });

  test('is refused when it is too large, before anything is stored', () => {
    const gate = createPayloadGate({ codec: jsonCodec, schema: z.string(), what, maxPayloadBytes: 10 });
    expect(gate.encode('x'.repeat(8))).toBe(markBody(`"${'x'.repeat(8)}"`));
    expect(() => gate.encode('x'.repeat(9))).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', what, bytes: 11, maxBytes: 10 }) as Error,
    );
  });
});

describe('a schema that the codec cannot carry', () => {
  test.each<[string, StandardSchemaV1, unknown]>([
    ['a date', z.object({ at: z.date() }), { at: new Date(0) }],
    ['a map', z.object({ m: z.map(z.string(), z.number()) }), { m: new Map([['a', 1]]) }],
    ['a set', z.set(z.string()), new Set(['a'])],
    ['a bigint', z.object({ n: z.bigint() }), { n: 5n }],
  ])('%s is a ConfigurationError at the producer, each time', (_case, schema, value) => {
    const gate = gateFor(schema);
    for (let use = 0; use < 2; use++) {
      expect(() => gate.encode(value)).toThrow(
        expect.objectContaining({
          code: 'CONFIGURATION',
          path: 'schema of task email.send',
          rule: expect.stringMatching(/^must accept its own input after the json codec \(/) as string,
          value: 'zod',
        }) as Error,
      );
    }
  });

  test('is found through an asynchronous schema too', async () => {
    const schema = z.object({ at: z.date().refine(() => Promise.resolve(true)) });
    await expect(gateFor(schema).encode({ at: new Date(0) })).rejects.toMatchObject({
      code: 'CONFIGURATION',
      cause: { code: 'PAYLOAD_INVALID' },
    });
  });

  test('is fine under a codec that can, or when it coerces what comes back', () => {
    const at = new Date(0);
    expect(gateFor(z.object({ at: z.date() }), datedCodec).encode({ at })).toBe(markBody('{"at":0}'));
    const coercing = gateFor(z.object({ at: z.coerce.date() }));
    const body = coercing.encode({ at }) as string;
    expect(coercing.decode(body)).toEqual({ at });
  });

  test('is tried until one payload has gone round, and not again', () => {
    const decode = vi.fn((text: string) => jsonCodec.decode(text));
    const schema = z.object({ at: z.union([z.string(), z.date()]), n: z.number() });
    const gate = gateFor(schema, { ...jsonCodec, decode });
    expect(() => gate.encode({ at: 'x', n: 'y' as unknown as number })).toThrow('is invalid');
    expect(decode).not.toHaveBeenCalled();
    for (let use = 0; use < 3; use++) void gate.encode({ at: 'x', n: 1 });
    expect(decode).toHaveBeenCalledTimes(1);
  });

  test('once proven, a payload that the codec refuses is bad input, not a bad contract', () => {
    const gate = gateFor(z.object({ n: z.union([z.number(), z.bigint()]) }));
    void gate.encode({ n: 1 });
    expect(() => gate.encode({ n: 5n })).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_INVALID',
        what,
        issues: [{ path: 'n', message: 'bigint has no JSON form' }],
      }) as Error,
    );
  });

  test('the payload itself is in no error', () => {
    const gate = gateFor(z.object({ at: z.date(), password: z.string() }));
    let caught: unknown;
    try {
      void gate.encode({ at: new Date(0), password: 'canary-77' });
    } catch (error) {
      caught = error;
    }
    expect(inspect(caught, { depth: null, showHidden: true })).not.toContain('canary');
  });

  test('what the schema throws of its own on the way round passes through', async () => {
    const down = new Error('lookup failed');
    let calls = 0;
    const flaky = (fail: () => never | Promise<never>): StandardSchemaV1<string> => ({
      '~standard': {
        version: 1,
        vendor: 'hand',
        validate: (value) => (++calls % 2 === 0 ? fail() : { value: value as string }),
      },
    });
    const throwing = flaky(() => {
      throw down;
    });
    expect(() => gateFor(throwing).encode('a')).toThrow(down);
    await expect(gateFor(flaky(() => Promise.reject(down))).encode('a')).rejects.toBe(down);
  });
});

describe('a payload without a schema', () => {
  const gate = createPayloadGate({ codec: jsonCodec, what, maxPayloadBytes: 100 });

  test('passes through, and so does none', () => {
    expectTypeOf<Parameters<typeof gate.encode>[0]>().toEqualTypeOf<unknown>();
    expect(gate.decode(gate.encode({ any: ['thing'] }) as string)).toEqual({ any: ['thing'] });
    expect(gate.decode(gate.encode(undefined) as string)).toBeUndefined();
  });

  test('is bad input when the codec refuses it', () => {
    expect(() => gate.encode({ a: NaN })).toThrow('task email.send is invalid: a: NaN has no JSON form');
  });

  test('whatever a codec throws becomes a refusal that keeps the cause', () => {
    const cause = new Error('no');
    const fail = (): never => {
      throw cause;
    };
    const broken = createPayloadGate({
      codec: { name: 'broken', encode: fail, decode: fail },
      what,
      maxPayloadBytes: 10,
    });
    for (const [action, run] of [
      ['encode', () => broken.encode(1)],
      ['decode', () => broken.decode(markBody('x'))],
    ] as const) {
      const issues = [{ path: '', message: `codec broken cannot ${action} it` }];
      expect(run).toThrow(expect.objectContaining({ issues, cause }) as PayloadInvalidError);
    }
  });
});

describe('a gate for callers that cannot wait', () => {
  test('gives values, typed as such', () => {
    const schema = z.object({ on: z.boolean().default(true) });
    const gate = createSyncPayloadGate({ codec: jsonCodec, schema, what, maxPayloadBytes: 100 });
    const body = gate.encode({});
    expectTypeOf(body).toEqualTypeOf<string>();
    const received = gate.decode(body);
    expectTypeOf(received).toEqualTypeOf<{ on: boolean }>();
    expect(received).toEqual({ on: true });
  });

  test('refuses an asynchronous schema at its first use, at either end', async () => {
    const schema = z.number().refine((n) => Promise.resolve(n > 0));
    const gate = createSyncPayloadGate({ codec: jsonCodec, schema, what, maxPayloadBytes: 100 });
    for (const run of [() => gate.encode(1), () => gate.encode(-1), () => gate.decode(markBody('-1'))]) {
      expect(run).toThrow('schema of task email.send must be synchronous, got "zod"');
    }
    await new Promise((resolve) => setImmediate(resolve));
  });
});
