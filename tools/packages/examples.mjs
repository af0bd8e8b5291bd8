import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { must } from './command.mjs';

/**
 * The example files: one per feature, directly in `examples/`.
 *
 * @param {string} root
 */
function exampleFiles(root) {
  if (!existsSync(join(root, 'examples'))) return [];
  return readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));
}

/**
 * Copies the examples to where only the tarballs can be found.
 *
 * @param {string} root
 * @param {string} folder
 */
export function copyExamples(root, folder) {
  mkdirSync(join(folder, 'examples'), { recursive: true });
  for (const name of exampleFiles(root))
    copyFileSync(join(root, 'examples', name), join(folder, 'examples', name));
}

/**
 * Runs each example on what users get, and on the sources: both print the same. Whether it is the right thing is a
 * matter of the tests of its package.
 *
 * @param {string} root
 * @param {string} folder
 * @returns {number} How many ran. Throws at the first that differs.
 */
export function checkExamples(root, folder) {
  const loader = ['--import', pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href];
  for (const name of exampleFiles(root)) {
    const file = join('examples', name);
    const packed = must('node', [...loader, file], folder);
    const source = must('node', ['-C', '@lockstep/source', ...loader, file], root);
    if (packed !== source) throw new Error(`${file} printed\n${packed}\ninstead of\n${source}`);
    if (packed === '') throw new Error(`${file} printed nothing`);
  }
  return exampleFiles(root).length;
}
