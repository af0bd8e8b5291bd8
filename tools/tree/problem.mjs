/**
 * Something that a check found wrong.
 *
 * @typedef {object} Problem
 * @property {string} file Relative to the root.
 * @property {number} [line] From 1.
 * @property {string} message What is wrong and what to do instead.
 */

/**
 * Prints what a check found and sets the exit code of the process.
 *
 * @param {string} check
 * @param {Problem[]} problems
 * @param {string} done What was looked at, for the line that is printed when all is well.
 */
export function report(check, problems, done) {
  for (const { file, line, message } of problems) {
    console.error(`${file}${line === undefined ? '' : `:${line}`}: ${message}`);
  }
  if (problems.length > 0) {
    console.error(`${check}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
    process.exitCode = 1;
  } else {
    console.log(`${check}: ${done}`);
  }
}
