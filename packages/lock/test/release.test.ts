import { createLocks } from '@lockstep/lock';
import { memoryConnection } from '@lockstep/testing';
import { expect, it, vi } from 'vitest';
import { silent } from './behaviour/setup.ts';

it.each([0, 1])(
  'takes one round trip, also of a process that meets its first waiter by it (%i wait)',
  async (waiters) => {
    await using at = await memoryConnection({ logger: silent });
    await using other = await memoryConnection({ name: at.name, clock: at.clock, logger: silent });
    const lock = await createLocks({ redis: at.redis, logger: silent }).acquire('a');
    const others = createLocks({ redis: other.redis, logger: silent });
    const waiting = Array.from({ length: waiters }, () => others.acquire('a', { waitMs: 60_000 }));
    await at.clock.advance(10);
    const run = vi.spyOn(at.redis, 'run');
    expect(await lock.release()).toBe('released');
    expect(run).toHaveBeenCalledTimes(1);
    const start = at.clock.monotonic();
    for (const next of waiting) await (await next).release();
    expect(at.clock.monotonic() - start).toBe(0);
  },
);
