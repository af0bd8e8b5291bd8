import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { fixtureTree } from './fixture-tree.ts';

// Each test starts programs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const good = {
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
};
const tool = fileURLToPath(new URL('../tally.mjs', import.meta.url));

function tally(reports: Readonly<Record<string, object>>, ...files: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [tool, ...files], {
    cwd: fixtureTree(reports),
    encoding: 'utf8',
  });
  return { line: stdout, failures: stderr, status };
}

test('reports are added up into one line', () => {
  const reports = { 'a.json': good, 'b.json': { ...good, numPassedTests: 4 } };
  expect(tally(reports, 'a.json', 'b.json')).toMatchObject({
    line: 'tests: 7 passed, 0 failed, 0 skipped\n',
    status: 0,
  });
});

test('a failure is a failure', () => {
  const reports = { 'a.json': { ...good, success: false, numFailedTests: 2 } };
  expect(tally(reports, 'a.json')).toMatchObject({
    line: 'tests: 3 passed, 2 failed, 0 skipped\n',
    status: 1,
  });
});

test('a skipped test is not a passed run', () => {
  const reports = { 'a.json': { ...good, numPendingTests: 1, numTodoTests: 1 } };
  expect(tally(reports, 'a.json')).toMatchObject({
    line: 'tests: 3 passed, 0 failed, 2 skipped\n',
    status: 1,
  });
});

test('a file that could not be loaded counts as failed, and so does a report that is not there', () => {
  const broken = {
    ...good,
    success: false,
    testResults: [{ name: 'x.test.ts', status: 'failed', assertionResults: [] }],
  };
  expect(tally({ 'a.json': broken }, 'a.json', 'gone.json')).toMatchObject({
    line: 'tests: 3 passed, 2 failed, 0 skipped\n',
    status: 1,
  });
});

test('a run that failed outside of its tests counts one failure', () => {
  expect(tally({ 'a.json': { ...good, success: false } }, 'a.json').line).toBe(
    'tests: 3 passed, 1 failed, 0 skipped\n',
  );
});

test('no test at all is not a passed run', () => {
  expect(tally({}).status).toBe(1);
});

test('what failed is named with its whole reason and no stack', () => {
  const assertionResults = [
    { status: 'passed', fullName: 'fine', failureMessages: [] },
    {
      status: 'failed',
      fullName: 'a lock excludes',
      failureMessages: ['failed after 3 tests\n{ seed: 7 }\n\nCaused by: 2 is not 1\n    at file.ts:1'],
    },
  ];
  const loading = {
    name: 'broken.test.ts',
    status: 'failed',
    message: 'no such module\n    at loader.ts:1',
    assertionResults: [],
  };
  const report = {
    ...good,
    success: false,
    testResults: [{ name: 'lock.test.ts', status: 'failed', assertionResults }, loading],
  };
  expect(tally({ 'a.json': report }, 'a.json').failures).toBe(
    'failed: lock.test.ts: a lock excludes: failed after 3 tests | { seed: 7 } | Caused by: 2 is not 1\nfailed: broken.test.ts: no such module\n',
  );
});
