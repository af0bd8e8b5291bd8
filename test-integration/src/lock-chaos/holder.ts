import { isLockstepError, sleep, systemClock } from '@lockstep/core';
import { createLocks, type LockHandle } from '@lockstep/lock';
import { createRedis } from '@lockstep/redis';
import { recordHistory } from '@lockstep/testing';
import { machineNow, onMachineClock } from '../queue-chaos/machine-clock.ts';
import { SeededRandom } from '../queue-chaos/seeded-random.ts';
import { silentLogger } from '../queue-chaos/silent-logger.ts';
import type { HolderSpec } from './holder-spec.ts';
import { Resource } from './resource.ts';

/** The entry of a process that takes locks, writes under them and gives them back, until it is killed. */
const spec = JSON.parse(process.argv[2] ?? '') as HolderSpec;
const random = new SeededRandom(spec.seed);
const history = recordHistory({ process: spec.name, file: spec.historyFile, now: machineNow });
const connections = spec.lockUrls.map((url) => createRedis(url, { logger: silentLogger, onError: () => {} }));
const locks = createLocks({ redis: connections, logger: silentLogger, onError: () => {} });
const resource = new Resource(createRedis(spec.resourceUrl, { logger: silentLogger, onError: () => {} }));

/** How often a long hold is looked at. */
const sampleMs = 10;

for (let lane = 0; lane < spec.lanes; lane += 1) void takeTurns();
process.send!('ready');

async function takeTurns(): Promise<never> {
  for (;;) {
    await takeTurn(random.pick(spec.names)).catch(() => sleep(systemClock, sampleMs));
  }
}

async function takeTurn(name: string): Promise<void> {
  const acquiring = history.invoke('acquire', { key: name });
  let lock: LockHandle;
  try {
    lock = await locks.acquire(name, { ttlMs: spec.ttlMs, waitMs: 5 * spec.ttlMs });
  } catch (error) {
    if (isLockstepError(error, 'LOCK_TIMEOUT')) acquiring.fail();
    else acquiring.info();
    return;
  }
  acquiring.ok({ token: lock.fencingToken, until: onMachineClock(lock.expiresAt) });
  await hold(name, lock);
}

async function hold(name: string, lock: LockHandle): Promise<void> {
  const token = lock.fencingToken;
  // Mostly short, sometimes far beyond the time to live, so that renewals matter.
  const holdMs = random.next() < spec.longHolds ? random.between(0, 2 * spec.ttlMs) : random.between(0, 3);
  const end = machineNow() + holdMs;
  let told = lock.expiresAt;
  while (machineNow() < end && lock.isValid()) {
    const { expiresAt } = lock;
    // A renewal has moved the deadline: it believes in the new one from here.
    if (expiresAt !== told)
      history.invoke('extend', { key: name }).ok({ token, until: onMachineClock(expiresAt) });
    told = expiresAt;
    await sleep(systemClock, sampleMs);
  }
  // Without a look at the lease: the resource is what must refuse it.
  await resource.write(name, token, spec.fenced).catch(() => undefined);
  // It gives the lease up before it asks for its release; the answer changes nothing.
  history.invoke(lock.isValid() ? 'release' : 'lost', { key: name, token });
  await lock.release().catch(() => undefined);
}
