import { isLockstepError } from '@lockstep/core';
import { connect, type Redis } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { checkDelivery, eventually, faultProxy, recordHistory } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { queueFaults, type QueueFault } from '../src/queue-chaos/queue-faults.ts';
import { drainByHand, queueOperations, type ManualQueue } from '../src/queue-chaos/queue-operations.ts';
import { stormQueue } from '../src/queue-chaos/queues.ts';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';

const rounds = chaosProfile() === 'full' ? 10 : 1;
const leaseMs = 500;
const resumeMs = 2_000;

/** What a caller may be told; anything else is a defect. */
const expected = ['REDIS_UNAVAILABLE', 'REDIS_FULL', 'LEASE_LOST'] as const;

function isExpected(error: unknown): boolean {
  return expected.some((code) => isLockstepError(error, code));
}

function manualQueue(redis: Redis): ManualQueue {
  let ids = 0;
  return {
    queue: createQueue({ redis, ...stormQueue('by-hand', leaseMs) }),
    history: recordHistory({ process: 'by-hand' }),
    nextId: () => `task-${++ids}`,
  };
}

describe('a queue whose scripts fail before and after they ran', () => {
  it.each(Object.entries<QueueFault>(queueFaults))(
    'loses and repeats nothing, and goes on: %s',
    { timeout: profileTimeoutMs },
    async (_name, fault) => {
      await using server = await startStandalone({ appendonly: 'always' });
      await using proxy = await faultProxy(server.url);
      await using redis = await connect(proxy.url, { logger: silentLogger });
      const manual = manualQueue(redis);
      const done = new Set<string>();
      const worked = createQueue({ redis, ...stormQueue('worked', leaseMs) });
      await worked.worker({ handlers: { work: (_, { id }) => void done.add(id) } }).start();
      let failed = 0;
      let slowest = 0;
      for (let round = 0; round < rounds; round += 1) {
        // Something to take for every operation that takes one.
        for (let n = 0; n < 4; n += 1) await queueOperations.enqueue(manual);
        for (const [name, operation] of Object.entries(queueOperations)) {
          const outcome = fault({ server, proxy }, () =>
            operation(manual).catch((error: unknown) => {
              failed += 1;
              if (!isExpected(error)) throw error;
            }),
          );
          await outcome;
          const id = `after-${round}-${name}`.replaceAll(' ', '-');
          const since = performance.now();
          await worked.enqueue('work', { ms: 0 }, { id });
          await eventually(() => expect(done).toContain(id), { timeoutMs: 15_000, intervalMs: 5 });
          slowest = Math.max(slowest, performance.now() - since);
        }
      }
      await drainByHand(manual);
      const report = checkDelivery(manual.history.entries);
      const { recovered, ...counts } = report;
      console.log(
        `${_name}: ${rounds * Object.keys(queueOperations).length} faults, ${failed} calls failed with a typed error, ` +
          `${counts.acknowledged} acknowledged, ${counts.delivered} done, ${counts.lost.length} lost, ` +
          `${counts.duplicated.length} twice, ${recovered.length} recovered; slowest resumption ${slowest.toFixed(0)} ms`,
      );
      expect(report).toMatchObject({ valid: true, lost: [], duplicated: [], unexpected: [] });
      expect(slowest).toBeLessThan(resumeMs);
      expect(await worked.stats()).toMatchObject({ leased: 0, dead: 0, completed: done.size });
    },
  );

  it('drains a full Redis, and takes new tasks again when there is room', async () => {
    await using server = await startStandalone({ appendonly: 'always' });
    await using redis = await connect(server.url, { logger: silentLogger });
    const queue = createQueue({ redis, ...stormQueue('full', leaseMs) });
    const used = Number(await server.info('used_memory'));
    await server.command('CONFIG', 'SET', 'maxmemory', used + 1_000_000);
    let acknowledged = 0;
    const fill = async (): Promise<void> => {
      for (;;) {
        const entries = Array.from({ length: 100 }, () => ({ name: 'work' as const, input: { ms: 0 } }));
        await queue.enqueueMany(entries);
        acknowledged += entries.length;
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: 'REDIS_FULL' });
    expect(acknowledged).toBeGreaterThan(0);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    await using worker = queue.worker({ handlers: { work: () => {} }, concurrency: 50 });
    await worker.start();
    await eventually(async () => expect((await queue.stats()).completed).toBe(acknowledged), {
      timeoutMs: 60_000,
    });
    await expect(queue.enqueue('work', { ms: 0 })).rejects.toMatchObject({ code: 'REDIS_FULL' });
    await server.command('CONFIG', 'SET', 'maxmemory', used + 1_000_000);
    await queue.enqueue('work', { ms: 0 });
    await eventually(async () => expect((await queue.stats()).completed).toBe(acknowledged + 1));
  });
});

describe('the oracle of script faults', () => {
  async function judge(sabotage: (manual: ManualQueue, server: StandaloneServer) => Promise<unknown>) {
    await using server = await startStandalone({ appendonly: 'always' });
    await using redis = await connect(server.url, { logger: silentLogger });
    const manual = manualQueue(redis);
    for (let n = 0; n < 3; n += 1) await queueOperations.enqueue(manual);
    await sabotage(manual, server);
    await drainByHand(manual);
    return checkDelivery(manual.history.entries);
  }

  it('accepts what nobody sabotaged', async () => {
    const nothing = (): Promise<void> => Promise.resolve();
    expect(await judge(nothing)).toMatchObject({ valid: true, lost: [], duplicated: [] });
  });

  it('finds tasks that were acknowledged and then lost', async () => {
    expect((await judge((_, server) => server.command('FLUSHALL'))).lost).toHaveLength(3);
  });

  it('finds a task that is done and handed out again', async () => {
    const report = await judge(async ({ queue, history }) => {
      const [lease] = await queue.receive();
      history.invoke('receive', { key: lease!.id, value: lease!.id }).ok({ value: lease!.id });
      await lease!.release();
    });
    expect(report.duplicated).toHaveLength(1);
  });
});
