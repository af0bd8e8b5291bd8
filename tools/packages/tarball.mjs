import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from '../tree/workspace.mjs';
import { must } from './command.mjs';

/** @import { Package } from '../tree/workspace.mjs' */

/**
 * Compiles the packages as they are published. A folder whose output was removed by hand is compiled anew: `tsc -b` asks
 * its own notes only.
 *
 * @param {string} root
 * @param {Package[]} packages
 */
export function build(root, packages) {
  for (const { folder } of packages) {
    if (!existsSync(join(root, folder, 'dist')))
      rmSync(join(root, folder, 'tsconfig.tsbuildinfo'), { force: true });
  }
  must(join(root, 'node_modules/.bin/tsc'), ['-b', ...packages.map(({ folder }) => folder)], root);
}

/**
 * Packs with the pinned pnpm, which turns `workspace:` into versions.
 *
 * @param {string} root
 * @param {Package} package_
 * @param {string} destination
 * @returns {string} The tarball.
 */
export function pack(root, { folder, manifest }, destination) {
  const { packageManager } = /** @type {{ packageManager: string }} */ (
    /** @type {unknown} */ (readManifest(root))
  );
  must('npx', ['--yes', packageManager, 'pack', '--pack-destination', destination], join(root, folder));
  const prefix = `${manifest.name.replace('@', '').replace('/', '-')}-`;
  const file = readdirSync(destination).find(
    (name) => name.startsWith(prefix) && /^\d/.test(name.slice(prefix.length)),
  );
  if (!file) throw new Error(`${manifest.name} left no tarball in ${destination}`);
  return join(destination, file);
}

/**
 * publint and attw on the tarball; throws what they found.
 *
 * @param {string} root
 * @param {string} tarball
 */
export function lint(root, tarball) {
  must(join(root, 'node_modules/.bin/publint'), ['run', '--strict', tarball], root);
  must(
    join(root, 'node_modules/.bin/attw'),
    [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'],
    root,
  );
}

/** @param {string} tarball */
export function sizeOf(tarball) {
  return `${(statSync(tarball).size / 1024).toFixed(0)} KiB`;
}
