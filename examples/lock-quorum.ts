import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

// Three masters that know nothing of each other: name them in REDIS_URLS, or they are simulated.
const urls = process.env['REDIS_URLS']?.split(',') ?? ['memory://one', 'memory://two', 'memory://three'];
const masters = await Promise.all(urls.map((url) => connect(url, { prefix: 'quorum:' })));
const locks = createLocks({ redis: masters });

const lock = await locks.acquire('ledger', { ttlMs: 2_000 });
console.log(`held: ${(await locks.inspect('ledger')).held}`);

// One master loses everything; the others still confirm the lock, and the next renewal plants it there again.
const [lost] = masters;
await lost!.client.del('quorum:lock:ledger', '{quorum:lock:ledger}:fence');
await new Promise((resolve) => setTimeout(resolve, 1_000));
console.log(`still valid: ${lock.isValid()}`);
console.log(`planted again: ${(await lost!.client.get('quorum:lock:ledger')) === lock.owner}`);
console.log(`release: ${await lock.release()}`);
await Promise.all(masters.map((redis) => redis.close()));
