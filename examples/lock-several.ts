import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://lock-several', {
  prefix: 'several:',
});
const locks = createLocks({ redis });
const accounts = { ada: 100, grace: 100 };

async function transfer(
  from: keyof typeof accounts,
  to: keyof typeof accounts,
  amount: number,
): Promise<void> {
  // Both or none, in whatever order they are named: two transfers that cross cannot block each other.
  await using _ = await locks.acquireAll([`account:${from}`, `account:${to}`], { waitMs: 5_000 });
  const left = accounts[from] - amount;
  await new Promise((resolve) => setImmediate(resolve));
  accounts[from] = left;
  accounts[to] += amount;
}

await Promise.all([transfer('ada', 'grace', 10), transfer('grace', 'ada', 30), transfer('ada', 'grace', 5)]);
console.log(accounts);

// The same owner takes the same lock again, deeper in the call: its token stays.
const invoice = locks.reentrant('invoice:42', `request-${process.pid}`);
const outer = await invoice.acquire();
const inner = await invoice.acquire();
console.log(`nested: ${inner.fencingToken === outer.fencingToken ? 'the same token' : 'another token'}`);
await inner.release();
console.log(`held by others: ${(await locks.tryAcquire('invoice:42')) === null ? 'refused' : 'granted'}`);
await outer.release();
