import { isLockstepError } from '@lockstep/core';
import { memoryConnection } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { LockEngine } from '../src/engine.ts';
import { mutexPlan } from '../src/mutex.ts';
import { resolveLocksOptions } from '../src/options.ts';
import { takeLease } from '../src/primitive.ts';
import { raiseToken } from '../src/raise-token.ts';
import { rejectionOf, silent } from './behaviour/setup.ts';

it('a lease that is gone by then is told nothing, and its holder hears of it', async () => {
  await using at = await memoryConnection({ logger: silent });
  const engine = new LockEngine(resolveLocksOptions({ redis: at.redis, logger: silent }));
  const lease = await takeLease(engine, 'a', mutexPlan(engine, 'a', {}, true));
  const raised = lease.fencingToken + 1_000;
  await raiseToken(engine.places, lease, raised);
  expect(await at.redis.client.get('{lockstep:lock:a}:fence')).toBe(String(raised));
  await at.redis.client.set('lockstep:lock:a', 'somebody-else');
  const error = await rejectionOf(raiseToken(engine.places, lease, raised + 1));
  expect(isLockstepError(error, 'LEASE_LOST') && error.reason).toBe('refused');
  expect(await at.redis.client.get('{lockstep:lock:a}:fence')).toBe(String(raised));
});
