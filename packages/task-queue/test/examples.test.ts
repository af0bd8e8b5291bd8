import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The lines that an example prints on memory; a non-zero exit rejects. */
async function linesOf(example: string): Promise<string[]> {
  const { REDIS_URL: _none, ...env } = process.env;
  const args = ['-C', '@lockstep/source', '--import', 'tsx', `examples/${example}.ts`];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: root, env, timeout: 20_000 });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

describe('an example prints what it shows and ends by itself:', { timeout: 25_000 }, () => {
  test.each([
    ['hello-queue', ['Hello, Ada!']],
    ['priorities', ['incident (critical)', 'dashboard (high)', 'monthly (normal)', 'archive (low)']],
    [
      'receive-loop',
      [
        'resized cat.png',
        'scanned cat.png',
        'attempt 1 at broken.zip failed',
        'attempt 2 at broken.zip failed',
        'completed 2, dead 1',
      ],
    ],
    [
      'dlq-redrive',
      [
        '2 of charge ran out of attempts, most with Error: fix the cause, then redrive them by filter',
        '1 of charge were rejected by their handler: read their reasons; redrive only what has been corrected',
        'would redrive 2',
        'redrove 2',
        'charged visa',
        'charged amex',
        'dead',
      ],
    ],
    [
      'graceful-shutdown',
      [
        'exporting 1000000 rows',
        'queue exports: 1 aborted, 0 errors',
        'the task is ready for the next worker, 0 attempts burned',
      ],
    ],
  ])('%s', async (example, lines) => {
    expect(await linesOf(example)).toEqual(lines);
  });
});
