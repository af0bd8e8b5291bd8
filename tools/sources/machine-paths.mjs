import { filesBelow, readText } from '../tree/files.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

const text = /(?:\.(?:ts|mjs|js|json|jsonc|md|yml|yaml|sh|lua|c)|\/run|Dockerfile|\.gitignore|\.npmrc)$/;
const absolute =
  /(?<![\w.~)}*:/-])(?:\/(?:home|root|Users|work|workspace|private)\/[\w.-]+|[A-Za-z]:\\\\?Users\\)/g;

/**
 * A path of one machine means nothing on another one.
 *
 * @param {string} content
 * @returns {{ line: number, message: string }[]}
 */
export function machinePaths(content) {
  return [...content.matchAll(absolute)].map((match) => ({
    line: content.slice(0, match.index).split('\n').length,
    message: `${match[0]} is a path of one machine; relative paths, os.tmpdir() or mktemp`,
  }));
}

/**
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkMachinePaths(root) {
  return filesBelow(root)
    .filter((file) => text.test(file) && file !== 'pnpm-lock.yaml')
    .flatMap((file) => machinePaths(readText(root, file)).map((finding) => ({ file, ...finding })));
}
