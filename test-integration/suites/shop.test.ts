import { systemRandom } from '@lockstep/core';
import { Redis } from 'ioredis';
import { describe, expect, inject, it } from 'vitest';
import { runShop } from '../src/queue-chaos/shop-run.ts';
import '../src/topologies.ts';

/** Processes start, a lease runs out, banks are away: seconds on a busy machine. */
const timeoutMs = 180_000;

async function keysWith(url: string, prefix: string): Promise<string[]> {
  const client = new Redis(url);
  try {
    const found: string[] = [];
    for await (const keys of client.scanStream({ match: `*${prefix}*`, count: 1_000 }))
      found.push(...(keys as string[]));
    return found;
  } finally {
    client.disconnect();
  }
}

describe.runIf(inject('redis').rung !== 'embedded')('the shop on a real Redis', () => {
  it(
    'closes its books although a worker process is killed: every order is paid once, dead or rejected',
    async () => {
      const { urls } = inject('redis');
      const prefix = `t-${systemRandom.id()}:`;
      const { code, stdout, stderr, figure } = await runShop(urls.standalone!, prefix);
      expect(stderr).toBe('');
      expect(stdout).toMatch(/payments-4 \(process \d+\) is killed by SIGKILL/);
      expect(stdout).toContain('1000 of 1000 orders: the books add up.');
      expect(code).toBe(0);
      expect(figure('Orders')).toBe(1_000);
      expect(figure('paid') + figure('dead') + figure('rejected')).toBe(1_000);
      expect(figure('Orders charged twice')).toBe(0);
      // The bad day did happen: what the killed worker held came back, and dead letters were paid after a redrive.
      expect(figure('ended by a lease that ran out')).toBeGreaterThan(0);
      expect(figure('after having been a dead letter')).toBeGreaterThan(0);
      expect(await keysWith(urls.standalone!, prefix)).toEqual([]);
    },
    timeoutMs,
  );
});
