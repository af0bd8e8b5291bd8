// What users get: the packages are built, packed, linted, and consumed from their tarballs by npm without our condition.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, must } from './packages/command.mjs';
import { checkExamples, copyExamples } from './packages/examples.mjs';
import { allSurroundings, createProject, nameOf } from './packages/scratch-project.mjs';
import { build, lint, pack, sizeOf } from './packages/tarball.mjs';
import { root } from './tree/root.mjs';
import { builtPackages } from './tree/workspace.mjs';

/**
 * @param {string} folder
 * @returns {string[]} What the compiler says about our own declarations.
 */
function typeErrors(folder) {
  copyExamples(root, folder);
  must('node', ['types.mjs', join(root, 'node_modules/@types')], folder);
  const { output } = attempt(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], folder);
  // Declarations of others may want other settings; ours may not.
  return output.split('\n').filter((line) => /^(types|examples\/.*)\.ts\(|@lockstep\//.test(line));
}

/** @param {string} temporary */
function main(temporary) {
  const packages = builtPackages(root);
  build(root, packages);
  const destination = join(temporary, 'tarballs');
  mkdirSync(destination);
  const tarballs = packages.map((package_) => {
    const tarball = pack(root, package_, destination);
    lint(root, tarball);
    console.log(
      `${package_.manifest.name}: packed, ${sizeOf(tarball)}, publint and attw have nothing to say`,
    );
    return tarball;
  });
  for (const surroundings of allSurroundings) {
    const folder = createProject(temporary, tarballs, surroundings);
    const entries = must('node', ['import-all.mjs'], folder);
    const memory = must('node', ['memory.mjs', surroundings.mock ? 'works' : 'names its peer'], folder);
    const wrong = typeErrors(folder);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    console.log(`${nameOf(surroundings)}: ${entries} load and type-check, ${memory}`);
    if (surroundings.mock)
      console.log(`  ${checkExamples(root, folder)} examples print what they print on the sources`);
  }
}

// The examples would go there instead of memory://.
delete process.env.REDIS_URL;
const temporary = mkdtempSync(join(tmpdir(), 'lockstep-packages-'));
try {
  main(temporary);
} catch (error) {
  console.error(`check-packages: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
