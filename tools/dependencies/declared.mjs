import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { privatePackages, publicPackages, readManifest } from '../tree/workspace.mjs';
import { filesBelow, readText } from '../tree/files.mjs';
import { importsOf, packageOf } from './imports.mjs';

/** @import { Problem } from '../tree/problem.mjs' */
/** @import { Manifest, Package } from '../tree/workspace.mjs' */
/** @import { Import } from './imports.mjs' */

const installScripts = ['preinstall', 'install', 'postinstall', 'prepare'];

/**
 * @param {Package} package_
 * @returns {Problem[]}
 */
function manifestProblems({ folder, manifest }) {
  const file = `${folder}/package.json`;
  const scripts = installScripts
    .filter((name) => manifest.scripts?.[name])
    .map((name) => ({ file, message: `the script ${name} would run on the machines of users` }));
  const all = { ...manifest.devDependencies, ...manifest.dependencies, ...manifest.peerDependencies };
  const ranges = Object.entries(all).flatMap(([name, range]) => {
    const sibling = name.startsWith('@lockstep/') || name.startsWith('@lockstep-shop/');
    if (sibling && range !== 'workspace:^')
      return [{ file, message: `${name} must be "workspace:^", not "${range}"` }];
    if (/^(git|https?|file|link)[:+]/.test(range))
      return [{ file, message: `${name} comes from "${range}", not from the registry` }];
    return [];
  });
  return [...scripts, ...ranges];
}

/**
 * @param {Manifest} manifest
 * @param {Manifest} rootManifest
 * @param {boolean} shipped Whether the file reaches users.
 */
function known(manifest, rootManifest, shipped) {
  const names = [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })];
  if (!shipped) names.push(...Object.keys({ ...manifest.devDependencies, ...rootManifest.devDependencies }));
  return new Set(names);
}

/**
 * @param {string} folder
 * @param {string} file
 * @param {Import} import_
 * @param {Set<string>} names
 * @returns {Problem[]}
 */
function importProblems(folder, file, { specifier, line }, names) {
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier);
    if (target.startsWith(`${folder}/`)) return [];
    // A behaviour suite is written beside its package and run here on real servers.
    if (folder === 'test-integration' && /^packages\/[\w-]+\/test\//.test(target)) return [];
    return [{ file, line, message: `"${specifier}" leaves ${folder}; import the package by its name` }];
  }
  const name = packageOf(specifier);
  if (name === undefined || builtinModules.includes(name) || names.has(name)) return [];
  return [{ file, line, message: `${name} is imported but not declared in ${folder}/package.json` }];
}

/**
 * What a package imports, it declares: `src` through dependencies and peers, everything else also through
 * devDependencies of its own or of the root.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkDeclared(root) {
  const rootManifest = readManifest(root);
  const packages = [...publicPackages(root), ...privatePackages(root)];
  return packages.flatMap((package_) => {
    const { folder, manifest } = package_;
    const inner = packages
      .filter((other) => other.folder.startsWith(`${folder}/`))
      .map((other) => `${other.folder}/`);
    const files = filesBelow(root, folder)
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => !inner.some((prefix) => file.startsWith(prefix)));
    const imports = files.flatMap((file) => {
      const names = known(manifest, rootManifest, file.startsWith(`${folder}/src/`) && !manifest.private);
      return importsOf(readText(root, file)).flatMap((import_) =>
        importProblems(folder, file, import_, names),
      );
    });
    return [...manifestProblems(package_), ...imports];
  });
}
