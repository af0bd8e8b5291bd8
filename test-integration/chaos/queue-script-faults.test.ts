import { isLockstepError } from '@lockstep/core';
import { createEngine } from '@lockstep/delivery/internal';
import { connect, type Redis } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { checkDelivery, eventually, faultProxy, recordHistory } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import {
  faultAtScript,
  queueFaults,
  scriptFaults,
  type QueueFault,
  type ScriptFault,
} from '../src/queue-chaos/queue-faults.ts';
import {
  drainByHand,
  prepare,
  queueOperations,
  type ManualQueue,
} from '../src/queue-chaos/queue-operations.ts';
import { stormQueue } from '../src/queue-chaos/queues.ts';
import { ScriptGate } from '../src/queue-chaos/script-gate.ts';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';

const rounds = chaosProfile() === 'full' ? 10 : 1;
const leaseMs = 500;
const resumeMs = 2_000;
/** Reading asks about every waiting task: the first of its scripts stand for all. */
const mostScripts = 8;

/** What a caller may be told; anything else is a defect. */
const expected = ['REDIS_UNAVAILABLE', 'REDIS_FULL', 'LEASE_LOST'] as const;

function isExpected(error: unknown): boolean {
  return expected.some((code) => isLockstepError(error, code));
}

/** In the keys of both queues of {@link manualQueue}, and of no other. */
const mark = 'queue:by-hand';

function manualQueue(redis: Redis): ManualQueue {
  let ids = 0;
  const engine = createEngine({ redis, kind: 'queue', name: 'by-hand' });
  return {
    queue: createQueue({ redis, ...stormQueue('by-hand', leaseMs) }),
    scrap: createQueue({ redis, ...stormQueue('by-hand-scrap', leaseMs) }),
    sweep: () => engine.sweep({ keptMaxCount: 0 }),
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
        await prepare(manual, 4);
        for (const [name, operation] of Object.entries(queueOperations)) {
          await fault({ server, proxy, mark }, () =>
            operation(manual).catch((error: unknown) => {
              failed += 1;
              if (!isExpected(error)) throw error;
            }),
          );
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

  it.each(Object.entries<ScriptFault>(scriptFaults))(
    'loses and repeats nothing, and goes on: %s, at every script of every operation',
    { timeout: profileTimeoutMs },
    async (name, fault) => {
      await using server = await startStandalone({ appendonly: 'always' });
      await using proxy = await faultProxy(server.url);
      await using redis = await connect(proxy.url, { logger: silentLogger });
      const manual = manualQueue(redis);
      const gate = new ScriptGate(redis, mark);
      let faults = 0;
      let failed = 0;
      for (const operation of Object.values(queueOperations)) {
        for (let n = 1, cameToIt = true; cameToIt && n <= mostScripts; n += 1) {
          await prepare(manual, 2);
          const run = (): Promise<unknown> =>
            operation(manual).catch((error: unknown) => {
              failed += 1;
              if (!isExpected(error)) throw error;
            });
          cameToIt = await faultAtScript(gate, n, fault, { server, proxy, mark }, run);
          if (cameToIt) faults += 1;
        }
      }
      // Afterwards everything works again.
      await prepare(manual, 2);
      for (const operation of Object.values(queueOperations)) await operation(manual);
      await drainByHand(manual);
      const report = checkDelivery(manual.history.entries);
      console.log(
        `${name}: ${faults} scripts, ${failed} calls failed; ${report.acknowledged} acknowledged, ${report.delivered} done`,
      );
      expect(report).toMatchObject({ valid: true, lost: [], duplicated: [], unexpected: [] });
      expect(faults).toBeGreaterThan(2 * Object.keys(queueOperations).length - 4);
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
