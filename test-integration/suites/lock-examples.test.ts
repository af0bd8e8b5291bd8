import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startStandalone } from '../src/servers/standalone.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

it(
  'three processes elect a leader, and each that is killed is followed by another',
  { timeout: 60_000 },
  async () => {
    await using server = await startStandalone();
    const args = ['-C', '@lockstep/source', '--import', 'tsx', 'examples/lock-election-processes.ts'];
    const { stdout, stderr } = await run(process.execPath, args, {
      cwd: root,
      env: { ...process.env, REDIS_URL: server.url },
      timeout: 50_000,
    });
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toEqual(
      [3, 2, 1].map((alive) => `alive: ${alive}; one leads, its token is larger`),
    );
  },
);
