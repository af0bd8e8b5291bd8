import { spawnSync } from 'node:child_process';
import { openBinarySite } from './binary-site.ts';
import { openContainerSite } from './container-site.ts';
import type { Site, SiteKind } from './site.ts';

/** `v=7.0.15` in the answer of `redis-server --version`, or `undefined` when there is none on PATH. */
export function binaryVersion(): string | undefined {
  const { stdout, error } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return error === undefined ? /v=(\S+)/.exec(stdout)?.[1] : undefined;
}

/**
 * Opens a site of this kind. Without one: children of this process where redis-server is installed, since signals reach
 * them at once; else a container.
 */
export function openSite(portCount: number, kind?: SiteKind): Promise<Site> {
  const chosen = kind ?? (binaryVersion() === undefined ? 'container' : 'binary');
  return chosen === 'binary' ? openBinarySite(portCount) : openContainerSite(portCount);
}
