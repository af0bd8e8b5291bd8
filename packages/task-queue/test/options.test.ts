import { jsonCodec, type Codec, type Logger } from '@lockstep/core';
import { createQueue, task } from '@lockstep/task-queue';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { aborted, collect, connected, during, ended, gate, openBench, until } from './behaviour/kit.ts';

const t = task({ input: z.string(), output: z.string(), backoff: { type: 'custom', name: 'mine' } });

function harnessOfOwn(): MemoryHarness {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  return harness;
}

function recorder(lines: unknown[]): Logger {
  const add = (fields: object, message: string): void => void lines.push({ ...fields, message });
  return { debug: add, info: add, warn: add, error: add };
}

describe('options of a queue', { timeout: 20_000 }, () => {
  test('codec writes payloads and outputs, and reads them', async () => {
    const harness = harnessOfOwn();
    const written: string[] = [];
    const codec: Codec = {
      name: 'base64',
      encode: (value) => {
        const text = Buffer.from(jsonCodec.encode(value)).toString('base64');
        written.push(text);
        return text;
      },
      decode: (text) => jsonCodec.decode(Buffer.from(text, 'base64').toString()),
    };
    const queue = createQueue({ redis: await connected(harness), name: 'q', tasks: { t }, codec });
    const worker = queue.worker({ handlers: { t: (text) => `${text}!` }, backoffs: { mine: () => 0 } });
    const { id } = await queue.enqueue('t', 'abc');
    expect(await queue.get(id)).toMatchObject({ input: 'abc' });
    await worker.start();
    const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
    expect(outcome).toEqual({ status: 'completed', output: 'abc!' });
    expect(written).toEqual(expect.arrayContaining([btoa('"abc"'), btoa('"abc!"')]));
  });

  test('logger is the base of what handlers log with', async () => {
    const harness = harnessOfOwn();
    const lines: unknown[] = [];
    const { queue, work } = await openBench(harness, { logger: recorder(lines) });
    const { id } = await queue.enqueue('note', { text: 'x' });
    await work({ note: (_, { logger }) => logger.info({ step: 1 }, 'half-way') });
    await until(harness, () =>
      expect(lines).toEqual([{ task: 'note', id, attempt: 1, step: 1, message: 'half-way' }]),
    );
  });

  test('onError hears of a custom back-off that fails; the task is retried after a minute', async () => {
    const harness = harnessOfOwn();
    const errors: unknown[] = [];
    const queue = createQueue({
      redis: await connected(harness),
      name: 'q',
      tasks: { t },
      onError: (error, context) => errors.push(error, context),
    });
    const attempts: number[] = [];
    const worker = queue.worker({
      handlers: {
        t: (_, { attempt }) => {
          attempts.push(attempt);
          if (attempt === 1) throw new Error('first');
          return 'done';
        },
      },
      backoffs: { mine: () => NaN },
    });
    await queue.enqueue('t', 'x');
    await worker.start();
    await harness.advance(59_000);
    expect(attempts).toEqual([1]);
    await harness.advance(2_000);
    expect(attempts).toEqual([1, 2]);
    expect(errors).toMatchObject([{ code: 'CONFIGURATION' }, { source: 'queue q', operation: 'backoff' }]);
  });

  test('maxPayloadBytes holds for outputs too: the work is done, so the task is not run again', async () => {
    const harness = harnessOfOwn();
    const queue = createQueue({
      redis: await connected(harness),
      name: 'q',
      tasks: { t },
      maxPayloadBytes: 50,
    });
    const worker = queue.worker({ handlers: { t: () => 'x'.repeat(100) }, backoffs: { mine: () => 0 } });
    const { id } = await queue.enqueue('t', 'x');
    await worker.start();
    const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
    expect(outcome).toMatchObject({
      status: 'dead',
      error: { reason: 'output', failure: { code: 'PAYLOAD_TOO_LARGE' } },
    });
  });
});

describe('lowerShare', { timeout: 20_000 }, () => {
  test.each([
    ['one claim in so many goes to the lower levels', 4, 10],
    ['0 is strict', 0, 0],
    ['left out, it is one in 16', undefined, 2],
  ])('%s', async (_, lowerShare, expected) => {
    const { queue } = await openBench(harnessOfOwn(), { lowerShare });
    const note = { name: 'note' as const, input: { text: 'x' } };
    await queue.enqueueMany(Array.from({ length: 40 }, () => ({ ...note, priority: 'low' as const })));
    await queue.enqueueMany(Array.from({ length: 40 }, () => ({ ...note, priority: 'high' as const })));
    const taken = await queue.receive({ max: 40 });
    expect(taken.filter(({ priority }) => priority === 'low')).toHaveLength(expected);
  });
});

describe('options of time', { timeout: 20_000 }, () => {
  test('backoff of a task says how long it waits, neither less nor much more', async () => {
    const harness = harnessOfOwn();
    const backoff = { type: 'linear', initialMs: 700, maxMs: 10_000 } as const;
    const tasks = { t: task({ input: z.string(), maxAttempts: 3, backoff }) };
    const queue = createQueue({ redis: await connected(harness), name: 'q', tasks });
    const at: number[] = [];
    const worker = queue.worker({
      handlers: {
        t: () => {
          at.push(harness.clock.now());
          throw new Error('no');
        },
      },
    });
    await queue.enqueue('t', 'x');
    await worker.start();
    await until(harness, () => expect(at).toHaveLength(3));
    const [first, second] = [at[1]! - at[0]!, at[2]! - at[1]!];
    expect(first).toBeGreaterThanOrEqual(700);
    expect(first).toBeLessThan(1_000);
    expect(second).toBeGreaterThanOrEqual(1_400);
    expect(second).toBeLessThan(1_700);
  });

  test('timeoutMs of result says how long it waits', async () => {
    const harness = harnessOfOwn();
    const { queue } = await openBench(harness);
    const { id } = await queue.enqueue('note', { text: 'x' }, { delayMs: 60_000 });
    const start = harness.clock.now();
    expect(await during(harness, queue.result(id, { timeoutMs: 400 }))).toEqual({ status: 'pending' });
    expect(harness.clock.now() - start).toBeGreaterThanOrEqual(400);
    expect(harness.clock.now() - start).toBeLessThan(700);
  });
});

describe('options of a received lease', { timeout: 20_000 }, () => {
  test('retry needs a delay where the back-off is a function, which only workers have', async () => {
    const harness = harnessOfOwn();
    const queue = createQueue({ redis: await connected(harness), name: 'q', tasks: { t } });
    const { id } = await queue.enqueue('t', 'x');
    const [lease] = await queue.receive();
    await expect(lease!.retry()).rejects.toMatchObject({ code: 'CONFIGURATION', path: 'options.delayMs' });
    await expect(lease!.retry({ delayMs: -1 })).rejects.toMatchObject({ path: 'options.delayMs' });
    await lease!.retry({ delayMs: 500 });
    expect(await queue.get(id)).toMatchObject({
      state: 'delayed',
      history: [{ message: 'retry asked for' }],
    });
  });
});

describe('options of stopping', { timeout: 20_000 }, () => {
  test.each([
    ['of a worker', 'worker'],
    ['of its queue', 'queue'],
  ])('drainMs and abortMs %s say how long handlers have', async (_, what) => {
    const harness = harnessOfOwn();
    const { queue, work } = await openBench(harness);
    await queue.enqueue('note', { text: 'x' });
    const door = gate();
    let abortedAt = 0;
    const worker = await work({
      note: async (_input, { signal }) => {
        await aborted(signal);
        abortedAt = harness.clock.now();
        await door.opened;
      },
    });
    await until(harness, async () => expect((await queue.stats()).leased).toBe(1));
    const start = harness.clock.now();
    const options = { drainMs: 3_000, abortMs: 500 };
    const stopping = what === 'worker' ? worker.stop(options) : queue.close(options);
    let stoppedAt = 0;
    void stopping.then(() => (stoppedAt = harness.clock.now()));
    await during(harness, stopping);
    expect(abortedAt - start).toBe(3_000);
    expect(stoppedAt - start).toBe(3_500);
    door.open();
  });
});

describe('a signal', { timeout: 20_000 }, () => {
  const reason = new Error('enough');

  test('ends list, deadLetters.list, redrive and remove with its reason', async () => {
    const harness = harnessOfOwn();
    const { queue } = await openBench(harness);
    const { id } = await queue.enqueue('note', { text: '1' });
    await (await queue.receive())[0]!.reject('x');
    await queue.enqueue('note', { text: '2' });
    const signal = AbortSignal.abort(reason);
    await expect(collect(queue.list({ state: 'ready', signal }))).rejects.toBe(reason);
    await expect(collect(queue.deadLetters.list({ signal }))).rejects.toBe(reason);
    await expect(queue.deadLetters.redrive({ filter: {} }, { signal })).rejects.toBe(reason);
    await expect(queue.deadLetters.redrive({ ids: [id] }, { signal })).rejects.toBe(reason);
    await expect(queue.deadLetters.remove({ filter: {} }, { signal })).rejects.toBe(reason);
    await expect(queue.deadLetters.remove({ ids: [id] }, { signal })).rejects.toBe(reason);
    expect((await queue.stats()).dead).toBe(1);
  });

  test('that has aborted ends receive and result before they ask', async () => {
    const harness = harnessOfOwn();
    const { queue } = await openBench(harness);
    const { id } = await queue.enqueue('note', { text: '1' });
    const signal = AbortSignal.abort(reason);
    await expect(queue.receive({ signal })).rejects.toBe(reason);
    await expect(queue.result(id, { signal })).rejects.toBe(reason);
    expect(await queue.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } });
  });
});
