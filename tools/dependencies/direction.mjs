import { publicPackages } from '../tree/workspace.mjs';
import { filesBelow, readText } from '../tree/files.mjs';
import { importsOf, packageOf } from './imports.mjs';
import { allowedRooms, optionalRooms, rooms } from './rooms.mjs';

/** @import { Problem } from '../tree/problem.mjs' */
/** @import { Package } from '../tree/workspace.mjs' */

const scope = '@lockstep/';

/**
 * @param {string} room
 * @param {string} dependency
 * @returns {string | undefined}
 */
function refusal(room, dependency) {
  if (!dependency.startsWith(scope)) return undefined;
  const other = dependency.slice(scope.length);
  if (other === room || allowedRooms(room).has(other)) return undefined;
  const below = [...allowedRooms(room)].sort().join(', ') || 'no other package';
  return `${scope}${room} may not depend on ${dependency}; it stands on ${below}`;
}

/**
 * @param {Package} package_
 * @returns {Problem[]}
 */
function manifestProblems({ room, folder, manifest }) {
  const file = `${folder}/package.json`;
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  const refused = Object.keys(declared).flatMap((name) => refusal(room, name) ?? []);
  const hard = Object.keys(manifest.dependencies ?? {}).filter((name) =>
    optionalRooms.has(`${room} -> ${name.slice(scope.length)}`),
  );
  const soft = hard.map((name) => `${name} must be an optional peer here, not a dependency`);
  return [...refused, ...soft].map((message) => ({ file, message }));
}

/**
 * @param {string} root
 * @param {Package} package_
 * @returns {Problem[]}
 */
function importProblems(root, { room, folder }) {
  return filesBelow(root, `${folder}/src`)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      importsOf(readText(root, file)).flatMap(({ specifier, line }) => {
        const message = refusal(room, packageOf(specifier) ?? '');
        return message ? [{ file, line, message }] : [];
      }),
    );
}

/**
 * Packages depend downwards only, by what they declare and by what they import. Type imports count too: they reach the
 * published declarations.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkDirection(root) {
  return publicPackages(root).flatMap((package_) => {
    if (!rooms.includes(package_.room)) {
      const message = `the room ${package_.room} has no place in tools/dependencies/rooms.mjs`;
      return [{ file: `${package_.folder}/package.json`, message }];
    }
    return [...manifestProblems(package_), ...importProblems(root, package_)];
  });
}
