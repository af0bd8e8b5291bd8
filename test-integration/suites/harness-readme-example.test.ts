import { createLocks } from '@lockstep/lock';
import { memoryConnection } from '@lockstep/testing';
import { expect, it } from 'vitest';

it('lets the next one in when the holder is gone', async () => {
  await using connection = await memoryConnection();
  const locks = createLocks({ redis: connection.redis });
  await locks.acquire('stock', { ttlMs: 10_000, autoExtend: false });
  await connection.clock.advance(10_000); // moves timers, leases and key expiry together
  await expect(locks.tryAcquire('stock', { ttlMs: 10_000 })).resolves.not.toBeNull();
});
