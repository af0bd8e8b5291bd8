import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The lines that an example prints on memory; a non-zero exit rejects. */
async function linesOf(example: string): Promise<string[]> {
  const { REDIS_URL: _none, REDIS_URLS: _nones, ...env } = process.env;
  const args = ['-C', '@lockstep/source', '--import', 'tsx', `examples/${example}.ts`];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: root, env, timeout: 20_000 });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

describe('an example prints what it shows and ends by itself:', { timeout: 25_000 }, () => {
  test.each([
    [
      'lock-hello',
      [
        'Ada books; the lease is valid',
        'Grace books; the lease is valid',
        'Edsger books; the lease is valid',
        'free again',
      ],
    ],
    [
      'lock-fenced',
      [
        'the token of the second is larger',
        'the first is refused: refused',
        'left: {"left":3}',
        "the first one's release says: expired",
      ],
    ],
    [
      'lock-shared',
      [
        'readers: 2, a writer: waits',
        'written, alone',
        'licences in use: 3, valid: true',
        'one more: none left',
        'all three have started',
      ],
    ],
    ['lock-several', ['{ ada: 115, grace: 85 }', 'nested: the same token', 'held by others: refused']],
    [
      'lock-election',
      [
        'observed: nobody',
        'observed: a',
        'a leads; its lease is valid',
        'observed: b',
        'b leads with a larger token',
        'observed: nobody',
      ],
    ],
    // With a Redis: test-integration/suites/lock-examples.test.ts.
    ['lock-election-processes', ['set REDIS_URL: three processes cannot share memory://']],
    ['lock-quorum', ['held: true', 'still valid: true', 'planted again: true', 'release: released']],
  ])('%s', async (example, lines) => {
    const printed = await linesOf(example);
    // Whether the moment without a leader is seen depends on who is faster.
    const settled = printed.filter(
      (line, at) => line !== 'observed: nobody' || at === 0 || at === printed.length - 1,
    );
    expect(settled).toEqual(lines);
  });
});
