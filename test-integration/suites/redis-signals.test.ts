import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connect, type Redis } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { Redis as Client } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { realTopologies } from '../src/topologies.ts';
import { signalledQueue } from './signalled-service-queue.ts';

const { urls, site } = inject('redis');
const service = fileURLToPath(new URL('signalled-service.ts', import.meta.url));
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** Starts the service and waits until everything in it runs. */
async function started(url: string, prefix: string, ...more: string[]) {
  const args = ['-C', '@lockstep/source', '--import', 'tsx', service, url, prefix, ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const exited = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>;
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => Promise.reject(new Error(`the service ended: ${output}`))),
  ]);
  return { child, exited, output: () => output };
}

/** Which of its keys say that the service holds something: the leases of its worker, its lock. */
async function held({ client, prefix }: Redis): Promise<string[]> {
  const keys = [`{${prefix}queue:${signalledQueue.name}:0}:leased`, `${prefix}lock:stock`];
  const found = await Promise.all(keys.map((key) => client.exists(key)));
  return keys.filter((_, index) => found[index] === 1);
}

const prefixOf = (): string => `t-${crypto.randomUUID()}:`;

describe.runIf(site !== null)('a service that closes on signals', () => {
  it.each(realTopologies)('on %s ends by itself with exit code 0 and leaves no lease', async (topology) => {
    const prefix = prefixOf();
    await using redis = await connect(urls[topology]!, { prefix });
    const { child, exited, output } = await started(urls[topology]!, prefix);
    expect(await held(redis)).toHaveLength(2);
    const before = performance.now();
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(performance.now() - before).toBeLessThan(8_000);
    expect(output()).toBe('ready\n');
    expect(await held(redis)).toEqual([]);
    // Its two tasks wait for the next worker, and no attempt of theirs is burnt.
    const stats = await createQueue({ redis, ...signalledQueue }).stats();
    expect(stats).toMatchObject({ ready: { normal: 2 }, leased: 0, delayed: 0, dead: 0, failed: 0 });
  });

  it('closes its parts before its sockets', async () => {
    const prefix = prefixOf();
    const { child, exited } = await started(urls.standalone!, prefix);
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    const client = new Client(urls.standalone!);
    expect(await client.get(`{${prefix}service:x}:closed`)).toBe('yes');
    await client.quit();
  });

  it('ends at once at the second signal, while it still waits for its work', async () => {
    const { child, exited } = await started(urls.standalone!, prefixOf(), 'stubborn');
    child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
  });
});
