import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { Output } from '../src/output.ts';

function openOutput(terminal: boolean) {
  const sink = Object.assign(new PassThrough(), { isTTY: terminal, columns: 12 });
  return { output: new Output(sink), written: () => String(sink.read() ?? '') };
}

test('without a terminal a status is a line like any other', () => {
  const { output, written } = openOutput(false);
  output.status('one');
  output.line('event');
  output.status('a status longer than twelve');
  output.endStatus();
  expect(written()).toBe('one\nevent\na status longer than twelve\n');
});

test('on a terminal the status stays below the lines, cut to the width', () => {
  const { output, written } = openOutput(true);
  output.status('one');
  output.line('event');
  output.status('a status longer than twelve');
  output.endStatus();
  const clear = '\r\u001b[2K';
  expect(written()).toBe(`one${clear}event\none${clear}a status lo\n`);
});
