import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { fixtureTree } from './fixture-tree.ts';

// Each test starts programs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const bootstrap = fileURLToPath(new URL('../bootstrap.mjs', import.meta.url));

/** A copy of the repository's root with an `npx` that only notes how it was called. */
function freshClone({ node = '>=20.19', npxExit = 0 } = {}): string {
  const root = fixtureTree({
    'package.json': {
      packageManager: 'pnpm@10.0.0',
      engines: { node },
      scripts: {
        args: 'node args.mjs --own',
        code: 'node -e "process.exit(7)"',
        both: 'node args.mjs && node args.mjs',
        wait: 'node wait.mjs',
        bin: 'our-tool',
      },
    },
    'pnpm-lock.yaml': 'one',
    'pnpm-workspace.yaml': '',
    'args.mjs': 'console.log(JSON.stringify(process.argv.slice(2)));',
    'wait.mjs':
      "process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1e3); console.log('up');",
    'bin/npx': `#!/bin/sh\necho "$@" >> npx.log\nmkdir -p node_modules/.bin\nexit ${npxExit}\n`,
    'node_modules.bin/our-tool': '#!/bin/sh\necho ours\n',
    'tools/.keep': '',
  });
  chmodSync(join(root, 'bin/npx'), 0o755);
  copyFileSync(bootstrap, join(root, 'tools/bootstrap.mjs'));
  return root;
}

function start(root: string, args: string[]) {
  const env = { ...process.env, PATH: [join(root, 'bin'), process.env['PATH']].join(delimiter) };
  return spawn(process.execPath, ['tools/bootstrap.mjs', ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(root: string, ...args: string[]) {
  const child = start(root, args);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { out, err, code: child.exitCode };
}

function installs(root: string): string[] {
  const log = join(root, 'npx.log');
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

test('a fresh clone is installed once, with the pinned pnpm and a frozen lockfile', async () => {
  const root = freshClone();
  const first = await run(root, 'args');
  expect(first.err).toContain(
    'installing dependencies with pnpm@10.0.0, because node_modules is not set up yet',
  );
  expect(installs(root)).toEqual([
    '--yes pnpm@10.0.0 install --frozen-lockfile --config.confirmModulesPurge=false',
  ]);
  const second = await run(root, 'args');
  expect(second).toEqual({ out: '["--own"]\n', err: '', code: 0 });
  expect(installs(root)).toHaveLength(1);
});

test('a changed lockfile is installed again', async () => {
  const root = freshClone();
  await run(root, 'args');
  writeFileSync(join(root, 'pnpm-lock.yaml'), 'two');
  expect((await run(root, 'args')).err).toContain('because pnpm-lock.yaml has changed');
  expect(installs(root)).toHaveLength(2);
});

test('a failed installation ends the run and is tried again the next time', async () => {
  const root = freshClone({ npxExit: 3 });
  const { out, err, code } = await run(root, 'args');
  expect([out, code]).toEqual(['', 1]);
  expect(err).toContain('the installation failed (exit code 3)');
  await run(root, 'args');
  expect(installs(root)).toHaveLength(2);
});

test('arguments reach the script as they were given', async () => {
  const args = ['--input', 'a file', "it's", '$HOME', '', '"q"', '*'];
  const { out } = await run(freshClone(), 'args', ...args);
  expect(JSON.parse(out)).toEqual(['--own', ...args]);
});

test('a script of two commands runs both', async () => {
  expect((await run(freshClone(), 'both', 'x')).out).toBe('[]\n["x"]\n');
});

test("the script's exit code is the exit code", async () => {
  expect((await run(freshClone(), 'code')).code).toBe(7);
});

test('what the installation put into node_modules/.bin is found', async () => {
  const root = freshClone();
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
  copyFileSync(join(root, 'node_modules.bin/our-tool'), join(root, 'node_modules/.bin/our-tool'));
  chmodSync(join(root, 'node_modules/.bin/our-tool'), 0o755);
  expect((await run(root, 'bin')).out).toBe('ours\n');
});

test('SIGTERM reaches the program, and its way out is ours', async () => {
  const child = start(freshClone(), ['wait']);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  await once(child, 'close');
  expect([child.exitCode, child.signalCode]).toEqual([5, null]);
});

test('an old Node is told which one is needed, before anything is installed', async () => {
  const root = freshClone({ node: '>=99.1' });
  const { err, code } = await run(root, 'args');
  expect(code).toBe(1);
  expect(err).toContain(`Node >=99.1 is needed, this is ${process.versions.node}`);
  expect(installs(root)).toEqual([]);
});

test('an unknown script is answered with those that exist', async () => {
  const { err, code } = await run(freshClone(), 'nothing');
  expect(code).toBe(1);
  expect(err).toContain('scripts: args, code, both, wait, bin');
});
