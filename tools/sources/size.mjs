import ts from 'typescript';
import { filesBelow, readText } from '../tree/files.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

const sourceLines = 400;
const testLines = 500;

/** @param {string} file */
function isCode(file) {
  return /\.(ts|mjs)$/.test(file) && !file.endsWith('.d.ts');
}

/**
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkSize(root) {
  return filesBelow(root)
    .filter(isCode)
    .flatMap((file) => {
      const limit = /\/(test|suites|chaos)\//.test(file) ? testLines : sourceLines;
      const lines = lineCount(readText(root, file));
      return lines > limit
        ? [{ file, message: `${lines} lines; the limit is ${limit}: one concept a file` }]
        : [];
    });
}

/** @param {string} text */
function lineCount(text) {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/**
 * @param {string} text
 * @returns {number[]}
 */
function functionLengths(text) {
  const source = ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest, true);
  /** @type {number[]} */
  const lengths = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) lengths.push(lineCount(node.getText(source)));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lengths;
}

/**
 * @param {number[]} values
 * @param {number} share
 */
function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;
}

/**
 * Medians of the shipped sources, for the reader.
 *
 * @param {string} root
 */
export function sizeSummary(root) {
  const files = filesBelow(root, 'packages').filter((file) => /\/src\/.*\.ts$/.test(file));
  const texts = files.map((file) => readText(root, file));
  const lines = texts.map(lineCount);
  const functions = texts.flatMap(functionLengths);
  /** @param {number[]} values */
  const row = (values) => [0.5, 0.9, 1].map((share) => quantile(values, share)).join(' / ');
  return `${files.length} source files, lines median / p90 / max ${row(lines)}; ${functions.length} functions, ${row(functions)}`;
}
