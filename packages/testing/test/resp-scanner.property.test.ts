import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RespScanner } from '../src/resp-scanner.ts';

type Value = string | number | null | Error | Value[];

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.constant(null),
    fc.constant(new Error('ERR no')),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
}));

function encode(item: Value): string {
  if (item === null) return '$-1\r\n';
  if (typeof item === 'number') return `:${item}\r\n`;
  if (typeof item === 'string') return `$${Buffer.byteLength(item)}\r\n${item}\r\n`;
  if (item instanceof Error) return `-${item.message}\r\n`;
  return `*${item.length}\r\n${item.map(encode).join('')}`;
}

describe('RespScanner', () => {
  it('finds the same ends of values however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.array(fc.nat()), (values, cuts) => {
        const parts = values.map((item) => Buffer.from(encode(item)));
        const expected: number[] = [];
        for (const part of parts) expected.push((expected.at(-1) ?? 0) + part.length);
        const stream = Buffer.concat(parts);
        expect(ends(stream, cuts)).toEqual(expected);
      }),
    );
  });

  it('counts an inline command and a null array as one value each', () => {
    expect(new RespScanner().push(Buffer.from('PING\r\n*-1\r\n*0\r\n+OK\r\n'))).toEqual([6, 11, 15, 20]);
  });
});

function ends(stream: Buffer, cuts: readonly number[]): number[] {
  const places = [...new Set(cuts.map((cut) => cut % stream.length))].sort((a, b) => a - b);
  const scanner = new RespScanner();
  const found: number[] = [];
  let start = 0;
  for (const place of [...places, stream.length]) {
    for (const end of scanner.push(stream.subarray(start, place))) found.push(start + end);
    start = place;
  }
  return found;
}
