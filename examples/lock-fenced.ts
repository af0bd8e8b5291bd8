import { isLockstepError } from '@lockstep/core';
import { createLocks, fenced } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://lock-fenced', { prefix: 'fenced:' });
const locks = createLocks({ redis });
const stock = fenced(redis);
const name = `stock-${process.pid}`;

// A holder that is paused past its lease: it does not renew, and does not look at the clock again.
const paused = await locks.acquire(name, { ttlMs: 50, autoExtend: false });
const current = await locks.acquire(name, { ttlMs: 10_000, waitMs: 5_000 });
console.log(
  `the token of the second is ${current.fencingToken > paused.fencingToken ? 'larger' : 'smaller'}`,
);

await stock.set(name, { left: 3 }, current);
try {
  await stock.set(name, { left: 99 }, paused);
} catch (error) {
  if (isLockstepError(error, 'LEASE_LOST')) console.log(`the first is refused: ${error.reason}`);
}
console.log(`left: ${JSON.stringify((await stock.get(name))?.value)}`);
console.log(`the first one's release says: ${await paused.release()}`);
await current.release();
