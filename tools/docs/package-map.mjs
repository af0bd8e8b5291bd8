import { readText } from '../tree/files.mjs';
import { builtPackages } from '../tree/workspace.mjs';
import { links } from './markdown.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

/**
 * The API reference covers each package that has a public entry point.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkReferenceList(root) {
  const file = 'typedoc.json';
  /** @type {{ entryPoints: string[] }} */
  const { entryPoints } = JSON.parse(readText(root, file));
  return builtPackages(root)
    .filter(({ folder, manifest }) => '.' in (manifest.exports ?? {}) && !entryPoints.includes(folder))
    .map(({ folder }) => ({ file, message: `${folder} is not among the entry points` }));
}

/**
 * The root README links each package that is built, and none that is not.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkPackageMap(root) {
  const file = 'README.md';
  const text = readText(root, file);
  const listed = new Set(
    links(text).flatMap(({ target }) => target.match(/^(?:\.\/)?packages\/([\w-]+)/)?.[1] ?? []),
  );
  const named = new Set(
    [...text.matchAll(/@lockstep\/(?!source\b)([a-z-]+)/g)].map((match) => match[1] ?? ''),
  );
  const built = new Set(builtPackages(root).map(({ room }) => room));
  const missing = [...built]
    .filter((room) => !listed.has(room))
    .map((room) => `packages/${room} is built and not listed`);
  const early = [...new Set([...listed, ...named])]
    .filter((room) => !built.has(room))
    .map((room) => `${room} is spoken of and not built`);
  return [...missing, ...early].map((message) => ({ file, message }));
}
