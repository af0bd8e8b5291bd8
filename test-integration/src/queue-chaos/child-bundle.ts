import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const queueChild = fileURLToPath(new URL('child.ts', import.meta.url));
/** Inside the package, so that the bundle finds what it leaves out. */
const outputs = fileURLToPath(new URL('../../dist/', import.meta.url));

const building = new Map<string, Promise<string>>();

/**
 * A children's entry as one file, made once per test process: a process then starts several times faster than through a
 * loader, and all processes of a run have the same sources whatever is edited meanwhile.
 */
export function childBundle(entry: string = queueChild): Promise<string> {
  let bundled = building.get(entry);
  if (bundled === undefined) building.set(entry, (bundled = bundle(entry)));
  return bundled;
}

async function bundle(entry: string): Promise<string> {
  const outDir = await mkdtemp(join(outputs, 'chaos-'));
  process.once('exit', () => rmSync(outDir, { recursive: true, force: true }));
  const conditions = ['@lockstep/source', 'node', 'import', 'module', 'default'];
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['ioredis', 'ioredis-mock'], resolve: { conditions } },
    build: { ssr: entry, outDir, target: 'node20', minify: false, sourcemap: 'inline' },
  });
  return join(outDir, `${basename(entry, '.ts')}.js`);
}
