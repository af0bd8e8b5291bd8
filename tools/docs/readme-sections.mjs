import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '../tree/files.mjs';
import { builtPackages } from '../tree/workspace.mjs';
import { headings } from './markdown.mjs';

/** @import { Problem } from '../tree/problem.mjs' */
/** @import { Manifest } from '../tree/workspace.mjs' */

/**
 * @typedef {object} Readme
 * @property {string} text
 * @property {string[]} titles
 * @property {boolean} exported Whether the package has a public entry point.
 * @property {boolean} onRedis Whether what it does happens in Redis, so that it has options, keys and ways to fail.
 */

/** @param {RegExp} pattern */
const title =
  (pattern) =>
  (/** @type {Readme} */ { titles }) =>
    titles.some((line) => pattern.test(line));

/**
 * What a reader looks for in each README, how it is recognised, and which packages have such a thing at all.
 *
 * @type {[string, (readme: Readme) => boolean, (readme: Readme) => boolean][]}
 */
const sections = [
  ['what it guarantees', title(/guarante|promise/i), ({ onRedis }) => onRedis],
  ['what it does not guarantee', title(/\bnot\b/i), () => true],
  ['an example', ({ text }) => text.includes('```ts\n'), ({ exported }) => exported],
  ['options', title(/option/i), ({ exported, onRedis }) => exported && onRedis],
  ['errors', title(/error/i), ({ exported }) => exported],
  ['how it fails', title(/fail/i), ({ onRedis }) => onRedis],
  ['the keys it writes in Redis', title(/\bkeys?\b/i), ({ onRedis }) => onRedis],
];

/** @param {Manifest} manifest */
function onRedis({ name, dependencies = {} }) {
  return name === '@lockstep/redis' || ('@lockstep/redis' in dependencies && name !== '@lockstep/testing');
}

/**
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkReadmeSections(root) {
  return builtPackages(root).flatMap(({ folder, manifest }) => {
    const file = `${folder}/README.md`;
    if (!existsSync(join(root, file))) return [{ file, message: 'a package needs a README' }];
    const text = readText(root, file);
    const readme = {
      text,
      titles: headings(text).map((heading) => heading.title),
      exported: '.' in (manifest.exports ?? {}),
      onRedis: onRedis(manifest),
    };
    return sections
      .filter(([, isThere, isAsked]) => isAsked(readme) && !isThere(readme))
      .map(([what]) => ({ file, message: `no section on ${what}` }));
  });
}
