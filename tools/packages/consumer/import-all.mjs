// Imports and requires every entry point of every installed package, as a user's Node does.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const own = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.keys(own.dependencies)
  .filter((name) => name.startsWith('@lockstep/'))
  .flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
    return Object.keys(exports).map((path) => `${name}${path.slice(1)}`);
  })
  .filter((entry) => !entry.endsWith('/package.json'));

for (const entry of entries) {
  const file = import.meta.resolve(entry);
  if (!file.includes('/dist/')) throw new Error(`${entry} leads to ${file}, which is not the build`);
  const names = Object.keys(await import(entry));
  if (names.length === 0) throw new Error(`${entry} exports nothing`);
  if (Object.keys(require(entry)).join() !== names.join())
    throw new Error(`require('${entry}') differs from import`);
}
console.log(`${entries.length} entry points`);
