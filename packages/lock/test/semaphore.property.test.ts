import { createLocks, type LockHandle } from '@lockstep/lock';
import {
  checkExclusive,
  checkLinearizable,
  memoryConnection,
  mergeHistories,
  recordHistory,
  semaphoreModel,
} from '@lockstep/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { silent } from './behaviour/setup.ts';

/** One step of a random run over a semaphore that several processes share. */
type Step =
  | { readonly do: 'try'; readonly process: number; readonly count: number; readonly ttlMs: number }
  | { readonly do: 'release'; readonly which: number }
  | { readonly do: 'extend'; readonly which: number; readonly ttlMs: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'permits'; readonly process: number; readonly permits: number };

const processes = 3;
const ttlMs = fc.constantFrom(20, 100, 400);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('try' as const),
      process: fc.nat(processes - 1),
      count: fc.integer({ min: 1, max: 3 }),
      ttlMs,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('extend' as const), which: fc.nat(9), ttlMs }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 15, 60, 200) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('permits' as const),
      process: fc.nat(processes - 1),
      permits: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

it(
  'never has more permits out than whoever asks knows of, and gives one whenever one is free',
  { timeout: 60_000 },
  async () => {
    await using at = await memoryConnection({ logger: silent });
    const fleet = Array.from({ length: processes }, () => createLocks({ redis: at.redis, logger: silent }));
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 30 }),
        async (permits, steps) => {
          const name = `run-${run++}`;
          const held: { lock: LockHandle; count: number; until: number }[] = [];
          const inUse = (): number =>
            held.filter(({ until }) => until > at.clock.now()).reduce((sum, { count }) => sum + count, 0);
          // Each process has its own idea of how many there are, and may change it.
          const pools = fleet.map((locks) => locks.semaphore(name, { permits }));
          let lastToken = 0;
          for (const now of steps) {
            if (now.do === 'wait') await at.clock.advance(now.ms);
            else if (now.do === 'permits') pools[now.process]!.setPermits(now.permits);
            else if (now.do === 'try') {
              const pool = pools[now.process]!;
              if (now.count > pool.permits) continue;
              const free = pool.permits - inUse();
              const lock = await pool.tryAcquire({
                count: now.count,
                ttlMs: now.ttlMs,
                autoExtend: false,
              });
              // The server's view: a permit is free the moment its deadline has passed.
              expect(lock !== null).toBe(free >= now.count);
              if (lock === null) continue;
              expect(lock.fencingToken).toBeGreaterThan(lastToken);
              lastToken = lock.fencingToken;
              held.push({ lock, count: now.count, until: at.clock.now() + now.ttlMs });
              expect(inUse()).toBeLessThanOrEqual(pool.permits);
            } else {
              const one = held[now.which % Math.max(held.length, 1)];
              if (one === undefined) continue;
              const alive = one.until > at.clock.now();
              if (now.do === 'release') {
                expect(await one.lock.release()).toBe(alive ? 'released' : 'expired');
                held.splice(held.indexOf(one), 1);
              } else {
                // The holder stops believing a little before the server does.
                if (!one.lock.isValid()) continue;
                await one.lock.extend(now.ttlMs);
                one.until = at.clock.now() + now.ttlMs;
              }
            }
          }
          await Promise.all(held.map(({ lock }) => lock.release()));
        },
      ),
      { numRuns: 60 },
    );
  },
);

/** As above, with holders that die: nobody gives back what they had. */
const mortalStep = fc.oneof(
  fc.record({
    do: fc.constantFrom('die' as const, 'live' as const),
    count: fc.integer({ min: 1, max: 4 }),
    ttlMs: fc.constantFrom(100, 600),
  }),
  fc.record({ do: fc.constant('release' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 110, 300) }),
);

it('loses no permit and makes none up, whoever dies with how many', { timeout: 60_000 }, async () => {
  await using at = await memoryConnection({ logger: silent });
  const locks = createLocks({ redis: at.redis, logger: silent });
  let run = 0;
  const permits = 6;
  await fc.assert(
    fc.asyncProperty(fc.array(mortalStep, { minLength: 4, maxLength: 12 }), async (steps) => {
      const pool = locks.semaphore(`run-${run++}`, { permits });
      const held: { release(): Promise<unknown>; count: number; until: number; dies: boolean }[] = [];
      const free = (): number =>
        permits -
        held.filter(({ until }) => until > at.clock.now()).reduce((sum, { count }) => sum + count, 0);
      for (const now of steps) {
        if (now.do === 'wait') await at.clock.advance(now.ms);
        else if (now.do === 'release') {
          const living = held.filter(({ dies }) => !dies);
          const one = living[now.which % Math.max(living.length, 1)];
          if (one === undefined) continue;
          await one.release();
          held.splice(held.indexOf(one), 1);
        } else {
          const { count, ttlMs } = now;
          const expected = free() >= count;
          const lock = await pool.tryAcquire({ count, ttlMs, autoExtend: false });
          expect(lock !== null).toBe(expected);
          if (lock === null) continue;
          const release = (): Promise<unknown> => lock.release();
          held.push({ release, count, until: at.clock.now() + ttlMs, dies: now.do === 'die' });
        }
      }
      expect((await pool.inspect()).inUse).toBe(permits - free());
      // Whatever went before, what is free can be had, and not one more.
      const left = free();
      if (left < permits) expect(await pool.tryAcquire({ count: left + 1 })).toBeNull();
      if (left > 0) await (await pool.acquire({ count: left, waitMs: 0 })).release();
    }),
    { numRuns: 100 },
  );
});

it('is linearizable under concurrent tries and releases', { timeout: 60_000 }, async () => {
  await using at = await memoryConnection({ logger: silent });
  const locks = createLocks({ redis: at.redis, logger: silent });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.nat(3)),
      async (permits, pauses) => {
        const semaphore = locks.semaphore(`linear-${Math.random()}`, { permits });
        const history = recordHistory({ process: 'all', now: () => performance.now() });
        const worker = async (): Promise<void> => {
          for (let turn = 0; turn < 6; turn += 1) {
            const acquiring = history.invoke('acquire', { key: 's' });
            const permit = await semaphore.tryAcquire({ ttlMs: 60_000 });
            acquiring.ok({ value: permit !== null });
            for (let pause = pauses.next().value as number; pause > 0; pause -= 1) await Promise.resolve();
            if (permit === null) continue;
            const releasing = history.invoke('release', { key: 's' });
            await permit.release();
            releasing.ok();
          }
        };
        await Promise.all([worker(), worker(), worker(), worker()]);
        expect(checkLinearizable(history.entries, semaphoreModel(permits))).toMatchObject({ valid: true });
      },
    ),
    { numRuns: 25 },
  );
});

it('readers and writers never overlap, by their own account', { timeout: 60_000 }, async () => {
  await using at = await memoryConnection({ logger: silent });
  const all = 1_000;
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(99)), async (choices) => {
      const choose = (): number => choices.next().value as number;
      const fleet = Array.from({ length: processes }, () => createLocks({ redis: at.redis, logger: silent }));
      const name = `rw-${Math.random()}`;
      const histories = fleet.map((_, process) =>
        recordHistory({ process: `p${process}`, now: () => at.clock.monotonic() }),
      );
      const work = fleet.map(async (locks, process) => {
        const history = histories[process]!;
        for (let turn = 0; turn < 8; turn += 1) {
          const writes = choose() < 30;
          const side = writes ? locks.readWrite(name).write : locks.readWrite(name).read;
          const acquiring = history.invoke('acquire', { key: 'rw', value: writes ? all : 1 });
          const lock = await side({ ttlMs: 500, waitMs: 60_000, autoExtend: false });
          acquiring.ok({ token: lock.fencingToken, until: at.clock.monotonic() + 495 });
          for (let pause = choose() % 5; pause > 0; pause -= 1)
            await new Promise((resolve) => setImmediate(resolve));
          history.invoke('release', { key: 'rw', token: lock.fencingToken }).ok();
          await lock.release();
        }
      });
      await Promise.all(work);
      const merged = mergeHistories(...histories.map(({ entries }) => entries));
      const report = checkExclusive(merged, { permits: all, weight: ({ input }) => input as number });
      expect(report.violations).toEqual([]);
      expect(report.grants).toBe(24);
      await Promise.all(fleet.map((locks) => locks.close({ drainMs: 0, abortMs: 0 })));
    }),
    { numRuns: 15 },
  );
});
