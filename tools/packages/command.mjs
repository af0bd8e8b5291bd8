import { spawnSync } from 'node:child_process';

/**
 * Runs a program to its end and hands back what it printed.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @returns {{ status: number | null, output: string }}
 */
export function attempt(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { status, output: error ? error.message : `${stdout}${stderr}`.trim() };
}

/**
 * As {@link attempt}; a failure throws with what was printed.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
export function must(command, args, cwd) {
  const { status, output } = attempt(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${output}`);
  return output;
}
