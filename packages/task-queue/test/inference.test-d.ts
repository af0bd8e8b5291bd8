import type { Lease } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import {
  createQueue,
  defineQueue,
  task,
  type EnqueueOptions,
  type Queue,
  type TaskContext,
  type TaskDefinition,
  type TaskHandlers,
  type TaskId,
  type TaskOutcome,
} from '@lockstep/task-queue';
import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

declare const redis: Redis;

const shop = defineQueue({
  name: 'shop',
  tasks: {
    // The wire holds a string, the handler is given a number.
    'order.charge': task({
      input: z.object({ orderId: z.string(), cents: z.string().transform(Number) }),
      output: z.object({ receipt: z.string(), at: z.string().transform((text) => new Date(text)) }),
      maxAttempts: 3,
    }),
    'email.send': task({ input: z.object({ to: z.string(), copies: z.number().default(1) }) }),
    'stock.count': task({ input: z.object({ sku: z.string() }), output: z.number() }),
  },
});

const queue = createQueue({ redis, ...shop });

describe('enqueue', () => {
  test('takes the input of the schema of the named task', async () => {
    const { id, duplicate } = await queue.enqueue('order.charge', { orderId: 'o1', cents: '100' });
    expectTypeOf(id).toEqualTypeOf<TaskId<'order.charge'>>();
    expectTypeOf(duplicate).toEqualTypeOf<boolean>();
    await queue.enqueue('email.send', { to: 'a@example.test' }, { delayMs: 5, priority: 'high' });
  });

  test('refuses the output type, another task’s input and an unknown name', () => {
    // @ts-expect-error the wire holds a string
    void queue.enqueue('order.charge', { orderId: 'o1', cents: 100 });
    // @ts-expect-error the input of another task
    void queue.enqueue('email.send', { sku: 's1' });
    // @ts-expect-error no such task
    void queue.enqueue('email.sent', { to: 'a@example.test' });
    // @ts-expect-error not an option yet
    void queue.enqueue('email.send', { to: 'a@example.test' }, { group: 'g' });
  });

  test('takes options that hold undefined, as exactOptionalPropertyTypes produces them', () => {
    expectTypeOf<EnqueueOptions['delayMs']>().toEqualTypeOf<number | undefined>();
    const delayMs: number | undefined = undefined;
    void queue.enqueue('email.send', { to: 'a@example.test' }, { delayMs });
  });
});

describe('enqueueMany', () => {
  test('links name and input in each entry and gives typed ids in order', async () => {
    const [first, second] = await queue.enqueueMany([
      { name: 'stock.count', input: { sku: 's1' } },
      { name: 'email.send', input: { to: 'a@example.test' }, priority: 'low' },
    ]);
    expectTypeOf(first.id).toEqualTypeOf<TaskId<'stock.count'>>();
    expectTypeOf(second.id).toEqualTypeOf<TaskId<'email.send'>>();
    void queue.enqueueMany([
      // @ts-expect-error the input of another task
      { name: 'stock.count', input: { to: 'a@example.test' } },
    ]);
  });

  test('takes entries whose number is not known', async () => {
    const skus: string[] = [];
    const results = await queue.enqueueMany(
      skus.map((sku) => ({ name: 'stock.count' as const, input: { sku } })),
    );
    expectTypeOf(results[0]!.id).toEqualTypeOf<TaskId<'stock.count'>>();
  });
});

describe('result', () => {
  test('gives the output of the task that the id was made for', async () => {
    const { id } = await queue.enqueue('order.charge', { orderId: 'o1', cents: '100' });
    const outcome = await queue.result(id);
    expectTypeOf(outcome).toEqualTypeOf<TaskOutcome<{ receipt: string; at: Date }>>();
    if (outcome.status === 'completed') expectTypeOf(outcome.output.at).toEqualTypeOf<Date>();
    // @ts-expect-error a pending task has no output
    void outcome.output;
  });

  test('gives undefined for a task without output, and the union for a plain string', async () => {
    const { id } = await queue.enqueue('email.send', { to: 'a@example.test' });
    expectTypeOf(await queue.result(id)).toEqualTypeOf<TaskOutcome<undefined>>();
    const plain = await queue.result('some-id');
    expectTypeOf(plain).toEqualTypeOf<TaskOutcome<{ receipt: string; at: Date } | undefined | number>>();
  });
});

describe('handlers', () => {
  test('are given the output of the input schema and return the input of the output schema', () => {
    queue.worker({
      handlers: {
        'order.charge': async (input, context) => {
          expectTypeOf(input).toEqualTypeOf<{ orderId: string; cents: number }>();
          expectTypeOf(context.name).toEqualTypeOf<'order.charge'>();
          expectTypeOf(context.id).toEqualTypeOf<TaskId<'order.charge'>>();
          expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
          await context.progress(1, 'half');
          return { receipt: 'r1', at: '2026-01-01' };
        },
        'email.send': (input) => {
          expectTypeOf(input).toEqualTypeOf<{ to: string; copies: number }>();
        },
        'stock.count': () => 7,
      },
    });
  });

  test('are total: a missing or an additional one does not compile', () => {
    queue.worker({
      // @ts-expect-error stock.count has no handler
      handlers: { 'order.charge': () => ({ receipt: '', at: '' }), 'email.send': () => undefined },
    });
    queue.worker({
      handlers: {
        'order.charge': () => ({ receipt: '', at: '' }),
        'email.send': () => undefined,
        'stock.count': () => 1,
        // @ts-expect-error no such task
        'stock.recount': () => 1,
      },
    });
  });

  test('must return an output exactly where one is declared', () => {
    queue.worker({
      handlers: {
        // @ts-expect-error the output is missing
        'order.charge': async () => {},
        // @ts-expect-error there is no output
        'email.send': async () => 5,
        // @ts-expect-error the output has another type
        'stock.count': () => 'seven',
      },
    });
  });
});

describe('receive', () => {
  test('gives a union that narrows by name', async () => {
    for (const lease of await queue.receive({ max: 10 })) {
      expectTypeOf(lease.name).toEqualTypeOf<'order.charge' | 'email.send' | 'stock.count'>();
      if (lease.name === 'order.charge') {
        expectTypeOf(lease.input.cents).toEqualTypeOf<number>();
        await lease.complete({ receipt: 'r1', at: '2026-01-01' });
        // @ts-expect-error the output is missing
        await lease.complete();
      } else if (lease.name === 'email.send') {
        await lease.complete();
        // @ts-expect-error a task without output completes with nothing
        await lease.complete('sent');
      } else {
        await lease.complete(3);
      }
    }
  });

  test('does not let a lease that is not narrowed be completed, with or without an output', async () => {
    const [lease] = await queue.receive();
    if (lease === undefined) return;
    // @ts-expect-error which task is it?
    await lease.complete(3);
    // @ts-expect-error which task is it?
    await lease.complete();
    // @ts-expect-error which task is it?
    await lease.complete({ receipt: 'r1', at: '2026-01-01' });
    await lease.retry({ delayMs: 5 });
    await lease.reject('bad');
    await lease.release();
    await lease.extend(1_000);
  });

  test('does so also where the outputs coincide', async () => {
    const twins = createQueue({
      redis,
      name: 'twins',
      tasks: { a: task({ input: z.string() }), b: task({ input: z.number() }) },
    });
    const [lease] = await twins.receive();
    if (lease === undefined) return;
    // @ts-expect-error which task is it?
    await lease.complete();
    if (lease.name === 'a') await lease.complete();
  });
});

describe('a task', () => {
  const input = z.string().transform(Number);
  const output = z.date();

  test('keeps its schemas in a type that is never there at run time', () => {
    const both = task({ input, output });
    expectTypeOf(both).toEqualTypeOf<TaskDefinition<typeof input, typeof output>>();
    expectTypeOf<NonNullable<(typeof both)['~types']>>().toEqualTypeOf<{
      readonly i: typeof input;
      readonly o: typeof output;
    }>();
    expectTypeOf<undefined>().toExtend<(typeof both)['~types']>();
  });

  test('without an output says so, also inside of a definition', () => {
    const plain = task({ input });
    expectTypeOf<NonNullable<(typeof plain)['~types']>['o']>().toEqualTypeOf<undefined>();
    const inside = defineQueue({ name: 'q', tasks: { t: task({ input }) } });
    expectTypeOf<NonNullable<(typeof inside)['tasks']['t']['~types']>['o']>().toEqualTypeOf<undefined>();
  });

  test('refuses what is no schema, and settings of another type', () => {
    // @ts-expect-error no Standard Schema
    task({ input: {} });
    // @ts-expect-error a number
    task({ input, maxAttempts: '5' });
    // @ts-expect-error no such back-off
    task({ input, backoff: { type: 'sometimes' } });
  });
});

describe('ids', () => {
  test('are strings that are not made of strings, and each of one task', async () => {
    const { id } = await queue.enqueue('stock.count', { sku: 's1' });
    expectTypeOf(id).toExtend<string>();
    expectTypeOf<string>().not.toExtend<TaskId<'stock.count'>>();
    expectTypeOf(id).not.toExtend<TaskId<'email.send'>>();
    // Wherever an id is asked for, one of one's own will do.
    void queue.get(id);
    void queue.cancel('mine');
    void queue.deadLetters.redrive({ ids: [id, 'mine'] });
  });

  test('of a name that is not narrowed give the union of its outputs', async () => {
    const name = 'stock.count' as 'stock.count' | 'email.send';
    const id = 'some-id' as TaskId<typeof name>;
    expectTypeOf(await queue.result(id)).toEqualTypeOf<TaskOutcome<number | undefined>>();
  });
});

describe('what a handler is given', () => {
  test('is the lease on its task, which narrows by its name', () => {
    expectTypeOf<TaskContext<'stock.count'>>().toExtend<Lease>();
    expectTypeOf<TaskContext<'stock.count'>['name']>().toEqualTypeOf<'stock.count'>();
    expectTypeOf<TaskContext['attempt']>().toEqualTypeOf<number>();
    // @ts-expect-error a handler completes by returning
    void ((context: TaskContext) => context.complete());
  });

  test('may be written down apart from the worker', () => {
    const handlers: TaskHandlers<(typeof shop)['tasks']> = {
      'order.charge': ({ cents }) => ({ receipt: `${cents.toFixed()}`, at: '2026-01-01' }),
      'email.send': async () => {},
      'stock.count': async () => 7,
    };
    void queue.worker({ handlers });
  });
});

describe('dead letters', () => {
  test('are filtered by names of the queue, and by others, which it may not know any more', () => {
    void queue.deadLetters.list({ task: 'email.send' });
    void queue.deadLetters.list({ task: 'email.gone' });
    // @ts-expect-error either ids or a filter
    void queue.deadLetters.redrive({ ids: [], filter: {} });
    // @ts-expect-error a queue, not its name
    void queue.deadLetters.redrive({ filter: {} }, { to: 'other' });
  });

  test('go to a queue of other tasks', () => {
    const other: Queue<{ a: TaskDefinition<z.ZodString, undefined> }> = createQueue({
      redis,
      name: 'other',
      tasks: { a: task({ input: z.string() }) },
    });
    void queue.deadLetters.redrive({ filter: {} }, { to: other });
  });
});

describe('definitions', () => {
  test('refuse options that are not built', () => {
    // @ts-expect-error not an option yet
    defineQueue({ name: 'q', tasks: { a: task({ input: z.string() }) }, partitions: 4 });
    // @ts-expect-error not an option yet
    task({ input: z.string(), dedupe: true });
  });

  test('inline need no annotation either', async () => {
    const inline = createQueue({
      redis,
      name: 'inline',
      tasks: { a: task({ input: z.string(), output: z.number() }) },
    });
    const { id } = await inline.enqueue('a', 'x');
    expectTypeOf(await inline.result(id)).toEqualTypeOf<TaskOutcome<number>>();
  });
});
