import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { root } from '../tree/root.mjs';
import { fixtureTree } from './fixture-tree.ts';

// Each test starts programs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const base = {
  '.oxlintrc.json': readFileSync(join(root, '.oxlintrc.json'), 'utf8'),
  'tsconfig.json': {
    compilerOptions: {
      strict: true,
      module: 'NodeNext',
      target: 'ES2023',
      allowImportingTsExtensions: true,
      noEmit: true,
    },
  },
};

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

/** Lints a tree with our configuration; returns `line rule` of each finding in `file`. */
function lint(files: Readonly<Record<string, string>>, file: string): string[] {
  const bin = join(root, 'node_modules/.bin');
  const { stdout } = spawnSync(join(bin, 'oxlint'), ['--type-aware', '-f', 'json', '.'], {
    cwd: fixtureTree({ ...base, ...files }),
    encoding: 'utf8',
    // The type-aware half is a program of its own, looked for beside the linted tree and then here.
    env: { ...process.env, PATH: [bin, process.env['PATH']].join(delimiter) },
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
  return diagnostics
    .filter(({ filename }) => filename === file)
    .map(({ code, labels }) => `${labels[0]?.span.line} ${code.replace(/^[\w-]+\((.*)\)$/, '$1')}`)
    .sort();
}

/** Each row is one line of a source file and the rule that must stop it there. */
const inSources: [string, string][] = [
  ['export const a = Date.now();', 'no-restricted-properties'],
  ['export const b = performance.now();', 'no-restricted-properties'],
  ['export const c = Math.random();', 'no-restricted-properties'],
  ['export const d = AbortSignal.timeout(5);', 'no-restricted-properties'],
  ['export const { now: e } = Date;', 'no-restricted-properties'],
  ['export const f = setTimeout(String, 5);', 'no-restricted-globals'],
  ['export const g = setInterval(String, 5);', 'no-restricted-globals'],
  ['export const h = globalThis.setTimeout(String, 5);', 'no-restricted-properties'],
  ["export { setTimeout as i } from 'node:timers/promises';", 'no-restricted-imports'],
  ["import type { Redis as J } from 'ioredis'; export type K = J;", 'no-restricted-imports'],
  ["export const l = process.env['X'];", 'no-process-env'],
  ['console.log(1);', 'no-console'],
  ['export const m = await Promise.resolve(1);', 'no-top-level-await'],
  ['export default 1;', 'no-default-export'],
  ['export function n(x: any): void { x(); }', 'no-explicit-any'],
  ['export function o(): void { Promise.resolve(); }', 'no-floating-promises'],
  ['export function p(x: PromiseLike<void>): void { x.then(String); }', 'no-floating-promises'],
  [
    'export function q(): void { [1].forEach(async () => { await Promise.resolve(); }); }',
    'no-misused-promises',
  ],
  ["export function r(): void { throw 'x'; }", 'only-throw-error'],
  ['// @ts-ignore: because', 'ban-ts-comment'],
  ['// TODO: later', 'no-warning-comments'],
];

test('each rule stops the line that breaks it', () => {
  const text = inSources.map(([line]) => line).join('\n');
  const found = lint({ 'packages/lock/src/bad.ts': text }, 'packages/lock/src/bad.ts');
  const wanted = inSources.map(([, rule], index) => `${index + 1} ${rule}`);
  expect(found).toEqual(expect.arrayContaining(wanted));
});

test('an import cycle is stopped, and so is an import that is only a type', () => {
  const files = {
    'packages/lock/src/a.ts': "import { B } from './b.ts';\nexport type A = B;\nexport const a = 1;\n",
    'packages/lock/src/b.ts':
      "import { a } from './a.ts';\nexport interface B { a: typeof a }\nexport const b = a;\n",
  };
  expect(lint(files, 'packages/lock/src/a.ts')).toEqual(['1 consistent-type-imports', '1 no-cycle']);
});

test('the clock, the source of randomness and the redis package may do what is theirs', () => {
  const files = {
    'packages/core/src/clock.ts':
      'export const a = () => Date.now();\nexport const b = () => setTimeout(String, 1);\n',
    'packages/core/src/random.ts': 'export const a = () => Math.random();\n',
    'packages/redis/src/driver.ts': "export { Redis } from 'ioredis';\n",
  };
  for (const file of Object.keys(files)) expect(lint(files, file)).toEqual([]);
});

test('the redis package may not use the timers of Node either', () => {
  const file = 'packages/redis/src/driver.ts';
  expect(lint({ [file]: "export { setTimeout as s } from 'node:timers/promises';\n" }, file)).toEqual([
    '1 no-restricted-imports',
  ]);
});

test('a function of more than 60 lines and a file of more than 400 are stopped', () => {
  const body = '  String(1);\n'.repeat(61);
  const file = 'packages/lock/src/long.ts';
  const found = lint(
    { [file]: `export function long(): void {\n${body}}\n${'export {};\n'.repeat(400)}` },
    file,
  );
  expect(found.some((finding) => finding.endsWith('max-lines-per-function'))).toBe(true);
  expect(found.some((finding) => finding.endsWith('max-lines'))).toBe(true);
});
