import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './files.mjs';

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {boolean} [private]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, { optional?: boolean }>} [peerDependenciesMeta]
 * @property {Record<string, string | Record<string, string>>} [exports]
 */

/** @typedef {{ room: string, folder: string, manifest: Manifest }} Package */

/**
 * @param {string} root
 * @param {string} folder
 * @returns {Manifest}
 */
export function readManifest(root, folder = '.') {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}

/**
 * The packages of `packages/`, also those that hold no source yet.
 *
 * @param {string} root
 * @returns {Package[]}
 */
export function publicPackages(root) {
  if (!existsSync(join(root, 'packages'))) return [];
  return readdirSync(join(root, 'packages'))
    .sort()
    .filter((room) => existsSync(join(root, 'packages', room, 'package.json')))
    .map((room) => ({ room, folder: `packages/${room}`, manifest: readManifest(root, `packages/${room}`) }));
}

/**
 * Packages with something in them: the entry points that `exports` names are there.
 *
 * @param {string} root
 */
export function builtPackages(root) {
  return publicPackages(root).filter(({ folder, manifest }) =>
    sourceEntries(manifest).some((entry) => existsSync(join(root, folder, entry))),
  );
}

/**
 * The source files behind `exports`, relative to the package.
 *
 * @param {Manifest} manifest
 * @returns {string[]}
 */
function sourceEntries(manifest) {
  return Object.values(manifest.exports ?? {}).flatMap((target) =>
    typeof target === 'object' && target['@lockstep/source'] ? [target['@lockstep/source']] : [],
  );
}

/**
 * Every workspace package outside `packages/`: examples, bench, test-integration.
 *
 * @param {string} root
 * @returns {Package[]}
 */
export function privatePackages(root) {
  return ['examples', 'bench', 'test-integration']
    .flatMap((folder) => filesBelow(root, folder))
    .filter((file) => file.endsWith('/package.json'))
    .map((file) => file.slice(0, -'/package.json'.length))
    .map((folder) => ({ room: folder, folder, manifest: readManifest(root, folder) }));
}
