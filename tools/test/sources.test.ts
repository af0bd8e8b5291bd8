import { expect, test } from 'vitest';
import { machinePaths } from '../sources/machine-paths.mjs';
import { checkProjectReferences } from '../sources/project-references.mjs';
import { checkSize, sizeSummary } from '../sources/size.mjs';
import { statementFindings } from '../sources/statements.mjs';
import { fixtureTree } from './fixture-tree.ts';

test('a source file beyond 400 lines and a test beyond 500 are reported', () => {
  const root = fixtureTree({
    'packages/core/src/short.ts': '1;\n'.repeat(400),
    'packages/core/src/long.ts': '1;\n'.repeat(401),
    'packages/core/test/short.test.ts': '1;\n'.repeat(500),
    'packages/core/test/long.test.ts': '1;\n'.repeat(501),
    'packages/core/dist/made.ts': '1;\n'.repeat(900),
  });
  expect(checkSize(root).map(({ file }) => file)).toEqual([
    'packages/core/src/long.ts',
    'packages/core/test/long.test.ts',
  ]);
});

test('the summary counts lines of files and of functions', () => {
  const root = fixtureTree({ 'packages/core/src/a.ts': 'function a() {\n  return 1;\n}\n' });
  expect(sizeSummary(root)).toBe(
    '1 source files, lines median / p90 / max 3 / 3 / 3; 1 functions, 3 / 3 / 3',
  );
});

test.each([
  ["export * from './a.ts';"],
  ["export * as a from './a.ts';"],
  ['const at = new Date();'],
  ['const at = new Date;'],
  ['const at = Date();'],
  ['export default 1;'],
])('%s is refused in sources', (text) => {
  expect(statementFindings(`\n${text}`)).toEqual([{ line: 2, message: expect.any(String) }]);
});

test.each([["export { a } from './a.ts';"], ["export type { A } from './a.ts';"], ['new Date(ms);']])(
  '%s is accepted in sources',
  (text) => {
    expect(statementFindings(text)).toEqual([]);
  },
);

// Put together here, or this file would be reported itself.
const slash = '/';

test.each([['home/me/x'], ['root/x'], ['work/main'], ['Users/me']])(
  'the absolute path to %s is reported',
  (path) => {
    expect(machinePaths(`a\nsee "${slash}${path}" there`)).toEqual([
      { line: 2, message: expect.any(String) },
    ]);
  },
);

test.each([
  ['https://example.org/home/x'],
  ['./home/x'],
  ['packages/work/x'],
  ['${dir}/home/x'],
  ['@a/work/b'],
])('%s is no path of a machine', (text) => {
  expect(machinePaths(text)).toEqual([]);
});

test('a project that the root does not reference is reported once it has sources', () => {
  const root = fixtureTree({
    'tsconfig.json': { references: [{ path: './packages/core' }] },
    'packages/core/tsconfig.json': {},
    'packages/core/src/a.ts': '',
    'packages/lock/tsconfig.json': {},
    'packages/lock/src/a.ts': '',
    'packages/later/tsconfig.json': {},
  });
  expect(checkProjectReferences(root).map(({ message }) => message)).toEqual([
    'packages/lock is a project and not in the references',
  ]);
});
