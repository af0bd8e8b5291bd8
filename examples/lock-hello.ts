import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://lock-hello', { prefix: 'hello:' });
const locks = createLocks({ redis });

async function book(who: string): Promise<void> {
  await using seat = await locks.acquire('seat:12A', { ttlMs: 10_000, waitMs: 5_000 });
  console.log(`${who} books; the lease is ${seat.isValid() ? 'valid' : 'over'}`);
}

await Promise.all([book('Ada'), book('Grace'), book('Edsger')]);
console.log(await locks.tryAcquire('seat:12A').then((seat) => (seat ? 'free again' : 'still taken')));
