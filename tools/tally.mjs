// `node tools/tally.mjs report.json...` adds up reports of vitest's json reporter, in one line that says it all.
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} Report
 * @property {boolean} success
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests Skipped by the test or by a filter.
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: unknown[] }[]} testResults
 */

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/**
 * @param {string} file
 * @returns {Tally}
 */
function tallyOf(file) {
  // A run that left no report did not end well; it must not vanish from the sum.
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  /** @type {Report} */
  const report = JSON.parse(readFileSync(file, 'utf8'));
  // A file that could not be loaded fails without a test of its own.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { passed, failed, skipped } = tally(process.argv.slice(2));
  console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = passed > 0 && failed === 0 && skipped === 0 ? 0 : 1;
}
