import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { checkExamples, copyExamples } from '../packages/examples.mjs';
import { root as repository } from '../tree/root.mjs';
import { fixtureTree } from './fixture-tree.ts';

// Each test starts programs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

/** A repository with this one example and, for sources and build, a package of one file each. */
function withExample(example: string, source: string, build: string): { root: string; folder: string } {
  const root = fixtureTree({
    'examples/a.ts': example,
    'examples/b.ts.txt': '',
    'examples/shop/main.ts': 'throw 1;',
  });
  const folder = join(root, 'scratch');
  mkdirSync(folder);
  writeFileSync(join(root, 'thing.ts'), source);
  writeFileSync(join(folder, 'thing.ts'), build);
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  copyExamples(root, folder);
  return { root, folder };
}

const example = "import { thing } from '../thing.ts';\nconsole.log(thing as string);\n";
const one = "export const thing: string = 'one';\n";

test('an example that prints the same on sources and on the build passes', () => {
  const { root, folder } = withExample(example, one, one);
  expect(checkExamples(root, folder)).toBe(1);
});

test.each([
  ['prints something else on the build', example, one.replace('one', 'two'), /printed\ntwo\ninstead of\none/],
  ['fails on the build', example, "throw new Error('no');", /exit code 1/],
  ['fails', 'process.exitCode = 3;', one, /exit code 3/],
  ['prints nothing', 'export {};', one, /printed nothing/],
])('an example that %s is reported', (_, text, build, message) => {
  const { root, folder } = withExample(text, one, build);
  expect(() => checkExamples(root, folder)).toThrow(message);
});
