import { posix } from 'node:path';
import ts from 'typescript';
import { filesBelow, readText } from '../tree/files.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

/**
 * @param {string} root
 * @param {string} file
 * @returns {{ path: string }[]}
 */
function references(root, file) {
  return ts.parseConfigFileTextToJson(file, readText(root, file)).config?.references ?? [];
}

/**
 * `tsc -b` at the root sees each TypeScript project, or what it does not see is never compiled.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkProjectReferences(root) {
  const seen = new Set(references(root, 'tsconfig.json').map(({ path }) => posix.normalize(path)));
  return filesBelow(root)
    .filter((file) => file.endsWith('/tsconfig.json'))
    .map((file) => posix.dirname(file))
    .filter((folder) => !seen.has(folder) && filesBelow(root, folder).some((file) => file.endsWith('.ts')))
    .map((folder) => ({
      file: 'tsconfig.json',
      message: `${folder} is a project and not in the references`,
    }));
}
