import { expect, test } from 'vitest';
import { readLines, type InputLine } from '@lockstep-shop/gateway';

async function* chunks(...parts: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}

async function linesOf(input: AsyncIterable<Buffer>, maxLineBytes?: number): Promise<InputLine[]> {
  const lines: InputLine[] = [];
  for await (const line of readLines(input, { maxLineBytes })) lines.push(line);
  return lines;
}

test('lines are numbered from 1, and blank ones keep their number', async () => {
  expect(await linesOf(chunks('a\n\n  \r\nb\n'))).toEqual([
    { number: 1, text: 'a' },
    { number: 4, text: 'b' },
  ]);
});

test('a last line without a line end counts', async () => {
  expect(await linesOf(chunks('a\nb'))).toEqual([
    { number: 1, text: 'a' },
    { number: 2, text: 'b' },
  ]);
});

test('an empty input has no lines', async () => {
  expect(await linesOf(chunks())).toEqual([]);
  expect(await linesOf(chunks(''))).toEqual([]);
});

test('a line, and a character, may be spread over chunks', async () => {
  const euro = Buffer.from('€');
  expect(await linesOf(chunks('on', 'e ', euro.subarray(0, 1), euro.subarray(1), '\ntw', 'o'))).toEqual([
    { number: 1, text: 'one €' },
    { number: 2, text: 'two' },
  ]);
});

test('a byte order mark is no part of the first line', async () => {
  expect(await linesOf(chunks('\uFEFFa\n\uFEFFb\n'))).toEqual([
    { number: 1, text: 'a' },
    { number: 2, text: '\uFEFFb' },
  ]);
});

test('a line that is too long is reported, and the next one is read', async () => {
  expect(await linesOf(chunks('12345678', '9012345678\n', '123\n'), 10)).toEqual([
    { number: 1, text: '', problem: 'is longer than 10 bytes' },
    { number: 2, text: '123' },
  ]);
});

test('bytes that are no text are reported, and the next line is read', async () => {
  expect(await linesOf(chunks(Buffer.from([0x7b, 0xff, 0xfe, 0x0a]), 'b\n'))).toEqual([
    { number: 1, text: '', problem: 'is not UTF-8' },
    { number: 2, text: 'b' },
  ]);
});
