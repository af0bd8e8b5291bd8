import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Writes a small repository below a temporary folder, which goes away with the test; returns its root. */
export function fixtureTree(files: Readonly<Record<string, string | object>>): string {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-tools-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return root;
}

/** A manifest of a package as ours look. */
export function manifest(room: string, more: object = {}): object {
  const target = {
    '@lockstep/source': './src/index.ts',
    types: './dist/index.d.ts',
    default: './dist/index.js',
  };
  return { name: `@lockstep/${room}`, exports: { '.': target }, ...more };
}
