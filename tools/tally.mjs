// `node tools/tally.mjs report.json...` adds up reports of vitest's json reporter, in one line that says it all.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} Report
 * @property {boolean} success
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests Skipped by the test or by a filter.
 * @property {number} numTodoTests
 * @property {FileResult[]} testResults
 */

/**
 * @typedef {object} FileResult
 * @property {string} name
 * @property {string} status
 * @property {string} [message] Why the file could not be loaded.
 * @property {{ status: string, fullName: string, failureMessages: string[] }[]} assertionResults
 */

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/**
 * @param {string} file
 * @returns {Report | undefined}
 */
function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/**
 * A file that could not be loaded fails without a test of its own.
 * @param {FileResult} result
 */
function isBroken({ status, assertionResults }) {
  return status === 'failed' && assertionResults.length === 0;
}

/**
 * @param {string} file
 * @returns {Tally}
 */
function tallyOf(file) {
  const report = readReport(file);
  // A run that left no report did not end well; it must not vanish from the sum.
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const broken = report.testResults.filter(isBroken);
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    // An unhandled rejection fails the run and no test.
    failed: failed === 0 && !report.success ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * @param {string[]} files
 * @returns {Tally}
 */
export function tally(files) {
  return files.map(tallyOf).reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/**
 * What failed and why, a line each: the end of a log is what is read first, and often all that is kept of it.
 * @param {string} file
 * @returns {string[]}
 */
export function failuresIn(file) {
  return (readReport(file)?.testResults ?? []).flatMap((result) => {
    const where = relative(process.cwd(), result.name);
    if (isBroken(result)) return [`${where}: ${why(result.message)}`];
    return result.assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => `${where}: ${fullName}: ${why(failureMessages[0])}`);
  });
}

const longestReason = 600;

/**
 * The message without its stack, in one line: a property names its seed, its counterexample and the cause in it.
 * @param {string} [text]
 */
function why(text = 'no message') {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('    at '));
  return lines
    .map((line) => line.trim())
    .join(' | ')
    .slice(0, longestReason);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = process.argv.slice(2);
  for (const line of files.flatMap(failuresIn)) console.error(`failed: ${line}`);
  const { passed, failed, skipped } = tally(files);
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = passed > 0 && failed === 0 && skipped === 0 ? 0 : 1;
}
