// `node tools/bootstrap.mjs <script> [args]` installs the workspace when it has to, then runs a script of the root
// package.json. It depends on nothing but Node, so that `npm start` and `npm test` work in a fresh clone.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const windows = process.platform === 'win32';

/** @param {string} line */
function say(line) {
  process.stderr.write(`lockstep: ${line}\n`);
}

/**
 * @param {string} line
 * @returns {never}
 */
function fail(line) {
  say(line);
  process.exit(1);
}

/** @returns {{ packageManager: string, engines: { node: string }, scripts: Record<string, string> }} */
function readManifest() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
}

/** @param {string} range The `engines.node` of package.json, of the form `>=20.19`. */
function requireNode(range) {
  const [major = 0, minor = 0] = range.replace(/^\D+/, '').split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  fail(`Node ${range} is needed, this is ${process.versions.node}: https://nodejs.org/en/download`);
}

/** What the installed tree was made from. Times of files say nothing after a checkout, so this compares contents. */
function wantedStamp() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** @param {string} packageManager */
function installIfNeeded(packageManager) {
  const stampFile = join(root, 'node_modules', '.lockstep-installed');
  const stamp = wantedStamp();
  const present = existsSync(stampFile);
  if (present && readFileSync(stampFile, 'utf8') === stamp) return;
  say(
    `installing dependencies with ${packageManager}, because ${present ? 'pnpm-lock.yaml has changed' : 'node_modules is not set up yet'}`,
  );
  // A tree made by another package manager is replaced without a question: there may be no terminal to answer it.
  const args = [
    '--yes',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--config.confirmModulesPurge=false',
  ];
  const { status, signal, error } = spawnSync('npx', args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: windows,
  });
  if (error) fail(`npx could not be started (${error.message}); it comes with npm`);
  if (status !== 0) fail(`the installation failed (${signal ?? `exit code ${status}`}); see the lines above`);
  writeFileSync(stampFile, stamp);
}

/** @param {string} arg */
function quote(arg) {
  if (/^[\w@%+=:,./-]+$/.test(arg)) return arg;
  return windows ? `"${arg.replaceAll('"', '""')}"` : `'${arg.replaceAll("'", `'\\''`)}'`;
}

/**
 * @param {string} command A command line of package.json.
 * @param {string[]} args
 */
function commandLine(command, args) {
  const line = [command, ...args.map(quote)].join(' ');
  // The shell steps aside, so that a signal reaches the program; it must stay where it has more than one to run.
  return windows || /[&|;<>]/.test(command) ? line : `exec ${line}`;
}

/** @param {string} line */
function run(line) {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  const child = spawn(line, {
    cwd: root,
    shell: true,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    // A terminal sends its interrupt to the whole group; a second one would look like an order to quit at once.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + constants.signals[signal] : (code ?? 1);
  });
}

const [name, ...args] = process.argv.slice(2);
const manifest = readManifest();
requireNode(manifest.engines.node);
const command = name === undefined ? undefined : manifest.scripts[name];
if (command === undefined) {
  fail(
    `usage: node tools/bootstrap.mjs <script> [args]; scripts: ${Object.keys(manifest.scripts).join(', ')}`,
  );
}
installIfNeeded(manifest.packageManager);
run(commandLine(command, args));
