import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { eventually } from '@lockstep/testing';
import { describe, expect, inject, it } from 'vitest';
import { startMasters } from '../src/servers/masters.ts';
import { startStandalone } from '../src/servers/standalone.ts';
import { binaryVersion, openSite } from '../src/site/open-site.ts';

const site = inject('redis').site ?? undefined;

describe.runIf(site !== undefined)('a site', () => {
  it('leaves nothing that listens when it is disposed', async () => {
    const masters = await startMasters({ site, count: 2 });
    const ports = masters.nodes.map(({ port }) => port);
    expect(await Promise.all(ports.map(listens))).toEqual([true, true]);
    await masters[Symbol.asyncDispose]();
    expect(await Promise.all(ports.map(listens))).toEqual([false, false]);
  });

  it('says what a server said that cannot start', async () => {
    const starting = startStandalone({ site, config: ['maxmemory-policy no-such-policy'] });
    await expect(starting).rejects.toThrow('standalone did not start');
  });

  it('gives each opening other ports', async () => {
    await using first = await openSite(3, site);
    await using second = await openSite(3, site);
    expect(new Set([...first.ports, ...second.ports]).size).toBe(6);
  });
});

describe.runIf(binaryVersion() !== undefined)('a site of child processes', () => {
  it('leaves no process and no folder behind when the process that opened it is killed', async () => {
    const script = fileURLToPath(new URL('orphan.ts', import.meta.url));
    const parent = spawn(process.execPath, ['-C', '@lockstep/source', '--import', 'tsx', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const orphan = JSON.parse(line.toString()) as { pid: number; folder: string };
    expect([isAlive(orphan.pid), existsSync(orphan.folder)]).toEqual([true, true]);
    parent.kill('SIGKILL');
    await eventually(() => expect([isAlive(orphan.pid), existsSync(orphan.folder)]).toEqual([false, false]));
  });
});

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
