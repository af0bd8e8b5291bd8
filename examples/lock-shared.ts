import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://lock-shared', { prefix: 'shared:' });
const locks = createLocks({ redis });

// Any number of readers, or one writer.
const config = locks.readWrite('config');
const readers = [await config.read(), await config.read()];
console.log(
  `readers: ${readers.length}, a writer: ${(await config.write.tryAcquire()) === null ? 'waits' : 'is in'}`,
);
const writing = config.write.withLock({ waitMs: 5_000 }, () => console.log('written, alone'));
for (const reader of readers) await reader.release();
await writing;

// At most three at once, some of which take more than one.
const licences = locks.semaphore('licences', { permits: 3 });
await using two = await licences.acquire({ count: 2 });
await using one = await licences.acquire();
console.log(`licences in use: ${(await licences.inspect()).inUse}, valid: ${two.isValid() && one.isValid()}`);
console.log(`one more: ${(await licences.tryAcquire()) === null ? 'none left' : 'granted'}`);

// Opens once three have counted down.
const started = locks.latch(`started-${process.pid}`, 3);
const waiting = started.wait({ waitMs: 5_000 });
for (let service = 3; service > 0; service -= 1) await started.countDown();
await waiting;
console.log('all three have started');
