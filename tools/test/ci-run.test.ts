import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { root as repository } from '../tree/root.mjs';
import { fixtureTree } from './fixture-tree.ts';

// Each test starts programs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

const report = { success: true, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

/** Stands for vitest: leaves a report of two passed tests where it is told to. */
const writeReport = `
import { writeFileSync } from 'node:fs';
const out = process.argv.find((argument) => argument.startsWith('--outputFile.json='));
if (out) writeFileSync(out.split('=')[1], JSON.stringify({ ...${JSON.stringify(report)}, numPassedTests: 2, ...JSON.parse(process.env.REPORT ?? '{}') }));
process.exitCode = (process.env.FAILING ?? '').split(' ').includes(process.argv[2]) ? 1 : 0;
`;

/** The script among stand-ins for everything that it calls. */
function run(env: Readonly<Record<string, string>> = {}) {
  const root = fixtureTree({
    'main/tools/bootstrap.mjs': writeReport,
    'main/examples/shop/dist/main.js': '',
    'main/node_modules/.bin/x': '',
    'main/test-integration/suites/a.test.ts': '',
    'bin/npm': '#!/bin/sh\nexec node tools/bootstrap.mjs "$@"\n',
    'bin/docker':
      '#!/bin/sh\ncase "$1" in\n  info) exit ${NO_ENGINE:-0} ;;\n' +
      '  events) for _ in $STARTED; do echo image; done; exec sleep 300 ;;\n  *) exit 1 ;;\nesac\n',
    'bin/redis-server': '#!/bin/sh\n[ "$1" = --version ] || exec sleep 300\n',
    'bin/redis-cli': '#!/bin/sh\n',
    'bin/redis-sentinel': '#!/bin/sh\n',
    'bin/busybox': '#!/bin/sh\n',
    'bin/openssl': '#!/bin/sh\n',
  });
  for (const name of readdirSync(join(root, 'bin'))) chmodSync(join(root, 'bin', name), 0o755);
  for (const file of ['tools/tally.mjs', '.ci/run']) cpSync(join(repository, file), join(root, 'main', file));
  const { stdout, status } = spawnSync(join(root, 'main/.ci/run'), {
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: [join(root, 'bin'), process.env['PATH']].join(delimiter),
      STARTED: 'one two',
      LOCKSTEP_NODES: '',
      LOCKSTEP_ENGINE_DIR: join(root, 'engine'),
      ...env,
    },
  });
  const failed = stdout.split('\n').flatMap((line) => /^failed: (.*)$/.exec(line)?.[1] ?? []);
  return { status, failed, last: stdout.trimEnd().split('\n').at(-1) };
}

test('its last line adds up all runs of tests', () => {
  expect(run()).toEqual({ status: 0, failed: [], last: 'tests: 4 passed, 0 failed, 0 skipped' });
});

test('a failed step does not keep the others from running, and the run fails', () => {
  expect(run({ FAILING: 'lint knip' })).toEqual({
    status: 1,
    failed: ['lint', 'unused code'],
    last: 'tests: 4 passed, 0 failed, 0 skipped',
  });
});

test('a run in which no container was started fails', () => {
  expect(run({ STARTED: '' })).toMatchObject({ status: 1, failed: ['containers were used'] });
});

test('a run without a container engine fails', () => {
  expect(run({ NO_ENGINE: '1' })).toMatchObject({
    status: 1,
    failed: ['container engine', 'containers were used'],
  });
});

test('a skipped test fails the run', () => {
  expect(run({ REPORT: '{"numPendingTests":1}' })).toEqual({
    status: 1,
    failed: [],
    last: 'tests: 4 passed, 0 failed, 2 skipped',
  });
});

test('a failed test fails the run', () => {
  expect(run({ REPORT: '{"success":false,"numFailedTests":1}', FAILING: 'test:integration' })).toEqual({
    status: 1,
    failed: ['integration, on redis-server with ioredis 6'],
    last: 'tests: 4 passed, 2 failed, 0 skipped',
  });
});
