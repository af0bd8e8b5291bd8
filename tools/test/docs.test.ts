import { expect, test } from 'vitest';
import { checkLinks } from '../docs/links.mjs';
import { headings } from '../docs/markdown.mjs';
import { checkPackageMap, checkReferenceList } from '../docs/package-map.mjs';
import { checkReadmeSections } from '../docs/readme-sections.mjs';
import { checkSnippets, withSnippets } from '../docs/snippets.mjs';
import { fixtureTree, manifest } from './fixture-tree.ts';

test('a link that leads nowhere is reported with its line', () => {
  const root = fixtureTree({
    'README.md':
      'one\n[a](docs/a.md) and\n[b](docs/b.md) and [c][c]\n\n[c]: ./docs/c.md\n[up](../x.md) [abs](/docs/a.md)\n',
    'docs/a.md':
      '[back](../README.md) [site](https://example.org/x) [mail](mailto:a@example.org) [self](#top)\n# Top\n',
  });
  expect(checkLinks(root).map(({ line, message }) => `${line} ${message}`)).toEqual([
    '3 docs/b.md leads nowhere',
    '6 ../x.md leads out of the repository',
    '6 /docs/a.md starts at the root of a server; links are relative',
    '5 ./docs/c.md leads nowhere',
  ]);
});

test('an anchor that no heading has is reported', () => {
  const root = fixtureTree({
    'a.md': '# What it is: `connect()`\n[x](b.md#second-1) [y](b.md#second-2) [z](#what-it-is-connect)\n',
    'b.md': '# Second\n## Second\n',
  });
  expect(checkLinks(root).map(({ message }) => message)).toEqual(['b.md has no heading #second-2']);
});

test('links and headings in code are none', () => {
  const root = fixtureTree({ 'a.md': '```md\n[x](gone.md)\n# No\n```\n`[y](gone.md)`\n' });
  expect(checkLinks(root)).toEqual([]);
  expect(headings('```sh\n# comment\n```\n# Yes')).toEqual([{ title: 'Yes', level: 1, anchor: 'yes' }]);
});

const built = { 'packages/lock/package.json': manifest('lock'), 'packages/lock/src/index.ts': '' };

test('the map lists what is built and nothing else', () => {
  const root = fixtureTree({
    ...built,
    'packages/core/package.json': manifest('core'),
    'packages/core/src/index.ts': '',
    'packages/cache/package.json': manifest('cache'),
    'README.md':
      '[core](packages/core) [cache](packages/cache) and `tsx -C @lockstep/source`, one day @lockstep/ops',
  });
  expect(checkPackageMap(root).map(({ message }) => message)).toEqual([
    'packages/lock is built and not listed',
    'cache is spoken of and not built',
    'ops is spoken of and not built',
  ]);
});

test('a package with a public entry point belongs to the API reference', () => {
  const internal = { '@lockstep/source': './src/internal.ts' };
  const root = fixtureTree({
    ...built,
    'packages/delivery/package.json': manifest('delivery', { exports: { './internal': internal } }),
    'packages/delivery/src/internal.ts': '',
    'typedoc.json': { entryPoints: ['packages/core'] },
  });
  expect(checkReferenceList(root).map(({ message }) => message)).toEqual([
    'packages/lock is not among the entry points',
  ]);
});

test('a package without a README, or with one that lacks a section, is reported', () => {
  expect(checkReadmeSections(fixtureTree(built))).toHaveLength(1);
  const root = fixtureTree({
    ...built,
    'packages/lock/package.json': manifest('lock', { dependencies: { '@lockstep/redis': 'workspace:^' } }),
    'packages/lock/README.md':
      '# Lock\n## What it guarantees\n## What it does not guarantee\n## Options\n## Errors\n',
  });
  expect(checkReadmeSections(root).map(({ message }) => message)).toEqual([
    'no section on an example',
    'no section on how it fails',
    'no section on the keys it writes in Redis',
  ]);
});

const example = { 'examples/a.ts': 'const a = 1;\n' };

test('a marked block that differs from its file is reported, and copied on demand', () => {
  const text = '<!-- example: examples/a.ts -->\n\n```ts\nconst a = 2;\n```\n';
  const root = fixtureTree({ ...example, 'a.md': text });
  expect(checkSnippets(root)).toHaveLength(1);
  const fresh = withSnippets(root, text);
  expect(fresh).toBe('<!-- example: examples/a.ts -->\n\n```ts\nconst a = 1;\n```\n');
  expect(checkSnippets(fixtureTree({ ...example, 'a.md': fresh }))).toEqual([]);
});

test('a mark without its block, and a mark of a file that is gone, are reported', () => {
  const root = fixtureTree({
    ...example,
    'a.md': '<!-- example: examples/a.ts -->\n\ntext\n',
    'b.md': '<!-- example: examples/b.ts -->\n\n```ts\n```\n',
  });
  expect(checkSnippets(root).map(({ file }) => file)).toEqual(['a.md', 'b.md']);
});
