import { posix } from 'node:path';
import { publicPackages } from '../tree/workspace.mjs';
import { filesBelow, readText } from '../tree/files.mjs';
import { importsOf } from './imports.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

/**
 * Where `@lockstep/x/y` leads in the sources.
 *
 * @param {string} root
 * @returns {Map<string, string>}
 */
function entryPoints(root) {
  const found = new Map();
  for (const { folder, manifest } of publicPackages(root)) {
    for (const [path, target] of Object.entries(manifest.exports ?? {})) {
      const source = typeof target === 'object' ? target['@lockstep/source'] : undefined;
      if (source) found.set(posix.join(manifest.name, path), posix.join(folder, source));
    }
  }
  return found;
}

/**
 * Who imports whom over all sources. Type imports do not count: nothing is left of them when modules load each other.
 *
 * @param {string} root
 * @returns {Map<string, string[]>}
 */
function importGraph(root) {
  const entries = entryPoints(root);
  const files = publicPackages(root)
    .flatMap(({ folder }) => filesBelow(root, `${folder}/src`))
    .filter((file) => file.endsWith('.ts'));
  const present = new Set(files);
  return new Map(
    files.map((file) => {
      const targets = importsOf(readText(root, file))
        .filter(({ typeOnly }) => !typeOnly)
        .map(({ specifier }) =>
          specifier.startsWith('.')
            ? posix.join(posix.dirname(file), specifier)
            : (entries.get(specifier) ?? ''),
        );
      return [file, [...new Set(targets)].filter((target) => present.has(target))];
    }),
  );
}

/**
 * One cycle through each group of files that import each other.
 *
 * @param {Map<string, string[]>} graph
 * @returns {string[][]}
 */
export function findCycles(graph) {
  /** @type {Map<string, 'open' | 'done'>} */
  const state = new Map();
  /** @type {string[][]} */
  const cycles = [];
  /**
   * @param {string} file
   * @param {string[]} path
   */
  const visit = (file, path) => {
    state.set(file, 'open');
    for (const target of graph.get(file) ?? []) {
      if (state.get(target) === 'open') cycles.push([...path.slice(path.indexOf(target)), target]);
      else if (!state.has(target)) visit(target, [...path, target]);
    }
    state.set(file, 'done');
  };
  for (const file of graph.keys()) if (!state.has(file)) visit(file, [file]);
  return cycles;
}

/**
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkCycles(root) {
  return findCycles(importGraph(root)).map((cycle) => ({
    file: cycle[0] ?? '',
    message: `import cycle: ${cycle.join(' -> ')}`,
  }));
}
