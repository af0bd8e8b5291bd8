import { expect, test } from 'vitest';
import { checkCycles, findCycles } from '../dependencies/cycles.mjs';
import { checkDeclared } from '../dependencies/declared.mjs';
import { checkDirection } from '../dependencies/direction.mjs';
import { importsOf } from '../dependencies/imports.mjs';
import { allowedRooms } from '../dependencies/rooms.mjs';
import { fixtureTree, manifest } from './fixture-tree.ts';

const sibling = (...rooms: string[]) =>
  Object.fromEntries(rooms.map((room) => [`@lockstep/${room}`, 'workspace:^']));

test('a package may stand on everything below it and on nothing beside it', () => {
  expect([...allowedRooms('task-queue')].sort()).toEqual(['core', 'delivery', 'redis']);
  expect(allowedRooms('task-queue').has('lock')).toBe(false);
  expect(allowedRooms('core').size).toBe(0);
});

test('a dependency that points upwards is reported from the manifest, as a peer too', () => {
  const root = fixtureTree({
    'packages/redis/package.json': manifest('redis', { dependencies: sibling('core', 'lock') }),
    'packages/core/package.json': manifest('core', { peerDependencies: sibling('redis') }),
    'packages/lock/package.json': manifest('lock', {
      dependencies: sibling('redis'),
      devDependencies: sibling('testing'),
    }),
  });
  const problems = checkDirection(root);
  expect(problems.map(({ file }) => file)).toEqual([
    'packages/core/package.json',
    'packages/redis/package.json',
  ]);
  expect(problems[1]?.message).toBe('@lockstep/redis may not depend on @lockstep/lock; it stands on core');
});

test('an import that points upwards is reported with its line, also when it is a type, dynamic or a re-export', () => {
  const root = fixtureTree({
    'packages/redis/package.json': manifest('redis'),
    'packages/redis/src/a.ts': [
      "import { code } from '@lockstep/core';",
      "import type { Lease } from '@lockstep/lock';",
      "export { createQueue } from '@lockstep/task-queue';",
      "export const late = () => import('@lockstep/testing');",
      "export type Deep = import('@lockstep/lock/internal').Deep;",
    ].join('\n'),
  });
  expect(checkDirection(root).map(({ line }) => line)).toEqual([2, 3, 4, 5]);
});

test('shipped code that imports the testing package is reported', () => {
  const root = fixtureTree({
    'packages/lock/package.json': manifest('lock', { devDependencies: sibling('testing') }),
    'packages/lock/src/index.ts': "export { ManualClock } from '@lockstep/testing';",
  });
  expect(checkDirection(root)).toHaveLength(1);
});

test('a room without a place in the table is reported', () => {
  const root = fixtureTree({ 'packages/cache/package.json': manifest('cache') });
  expect(checkDirection(root)[0]?.message).toContain('the room cache has no place');
});

test('a room that is optional for its user must be a peer', () => {
  const root = fixtureTree({
    'packages/resilience/package.json': manifest('resilience', { dependencies: sibling('core', 'redis') }),
  });
  expect(checkDirection(root)[0]?.message).toContain('optional peer');
});

const rootManifest = { name: 'root', devDependencies: { vitest: '4.1.12' } };

test('an import of an undeclared package is reported; a test may use what the root installs', () => {
  const root = fixtureTree({
    'package.json': rootManifest,
    'packages/lock/package.json': manifest('lock', { dependencies: { zod: '^4.1.0' } }),
    'packages/lock/src/index.ts':
      "import 'zod'; import 'node:fs'; import './a.ts'; import 'vitest'; import 'left-pad/deep';",
    'packages/lock/test/a.test.ts': "import 'vitest'; import '@lockstep/lock'; import 'left-pad';",
  });
  expect(checkDeclared(root).map(({ message }) => message)).toEqual([
    'vitest is imported but not declared in packages/lock/package.json',
    'left-pad is imported but not declared in packages/lock/package.json',
    'left-pad is imported but not declared in packages/lock/package.json',
  ]);
});

test('a relative import that leaves its package is reported', () => {
  const root = fixtureTree({
    'package.json': rootManifest,
    'packages/lock/package.json': manifest('lock'),
    'packages/lock/src/index.ts': "import '../../core/src/errors.ts'; import '../package.json';",
  });
  expect(checkDeclared(root)).toHaveLength(1);
});

test('the integration tests may run the suites of a package, and reach nothing else inside of it', () => {
  const root = fixtureTree({
    'package.json': rootManifest,
    'test-integration/package.json': { name: '@lockstep/test-integration', private: true },
    'test-integration/suites/a.test.ts':
      "import '../../packages/lock/test/lock.behaviour.ts'; import '../../packages/lock/src/keys.ts';",
  });
  expect(checkDeclared(root)).toHaveLength(1);
});

test('sibling ranges, sources outside the registry and install scripts are held', () => {
  const root = fixtureTree({
    'package.json': rootManifest,
    'packages/lock/package.json': manifest('lock', {
      scripts: { postinstall: 'node x.js' },
      dependencies: { '@lockstep/core': '^0.1.0', other: 'git+https://example.org/other.git' },
    }),
  });
  expect(checkDeclared(root).map(({ message }) => message)).toEqual([
    'the script postinstall would run on the machines of users',
    '@lockstep/core must be "workspace:^", not "^0.1.0"',
    'other comes from "git+https://example.org/other.git", not from the registry',
  ]);
});

test('a cycle of files is reported, also through the name of a package', () => {
  const root = fixtureTree({
    'packages/core/package.json': manifest('core'),
    'packages/core/src/index.ts': "export { a } from './a.ts';",
    'packages/core/src/a.ts': "import { b } from './b.ts';",
    'packages/core/src/b.ts': "import { a } from '@lockstep/core';",
    'packages/core/src/c.ts': "import { a } from './a.ts';",
  });
  expect(checkCycles(root).map(({ message }) => message)).toEqual([
    'import cycle: packages/core/src/a.ts -> packages/core/src/b.ts -> packages/core/src/index.ts -> packages/core/src/a.ts',
  ]);
});

test('a cycle that only types close is none', () => {
  const root = fixtureTree({
    'packages/core/package.json': manifest('core'),
    'packages/core/src/a.ts': "import { b, type B } from './b.ts';",
    'packages/core/src/b.ts': "import type { A } from './a.ts';\nimport { type C } from './a.ts';",
  });
  expect(checkCycles(root)).toEqual([]);
});

test('two ways to the same file are no cycle', () => {
  const graph = new Map([
    ['a', ['b', 'c']],
    ['b', ['d']],
    ['c', ['d']],
    ['d', []],
  ]);
  expect(findCycles(graph)).toEqual([]);
});

test('imports inside strings and comments are none', () => {
  expect(importsOf("// import 'a';\nconst x = \"import 'b'\";\nimport c, { type D } from 'c';")).toEqual([
    { specifier: 'c', typeOnly: false, line: 3 },
  ]);
});
