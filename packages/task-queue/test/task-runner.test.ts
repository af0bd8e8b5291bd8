import { jsonCodec } from '@lockstep/core';
import type { Delivery } from '@lockstep/delivery/internal';
import { ManualClock } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseDefinition } from '../src/definition-schema.ts';
import { createKnownTasks } from '../src/known-task.ts';
import type { QueueParts } from '../src/queue-parts.ts';
import { SlotsInUse } from '../src/slots-in-use.ts';
import { TaskRunner, type UntypedHandler } from '../src/task-runner.ts';
import { Timings } from '../src/timings.ts';

/** A runner of one task, and a delivery of it that says what was looked at. */
function runnerOf(handler: UntypedHandler): {
  readonly runner: TaskRunner;
  readonly delivery: Delivery;
  readonly looked: string[];
} {
  const clock = new ManualClock();
  const definition = parseDefinition({ name: 'q', tasks: { t: { input: z.string() } } }, 'q');
  const parts = {
    redis: { clock, serverNow: () => clock.now() },
    definition,
    tasks: createKnownTasks(definition.tasks, { codec: jsonCodec, maxPayloadBytes: 100 }),
    timings: new Timings(clock),
    logger: { debug: fail, info: fail, warn: fail, error: fail },
  } as unknown as QueueParts;
  const looked: string[] = [];
  const stored = { id: 'a', body: '1t\n1"x"', attempts: 0, deliveries: 1, priority: 'normal', enqueuedAt: 0 };
  const delivery = new Proxy(stored, {
    get: (target, key) => {
      if (!(key in target)) looked.push(String(key));
      return Reflect.get(target, key) as unknown;
    },
  }) as unknown as Delivery;
  const slots = new SlotsInUse(clock, 1);
  return {
    runner: new TaskRunner(parts, { handlers: { t: handler }, backoffs: {}, worker: 'w', slots }),
    delivery,
    looked,
  };
}

function fail(): never {
  throw new Error('nothing is logged');
}

describe('a task whose schema and handler are synchronous', () => {
  test('is through before anything is awaited', async () => {
    const seen: unknown[] = [];
    const { runner, delivery } = runnerOf((input) => void seen.push(input));
    const settlement = runner.run(delivery);
    expect(seen).toEqual(['x']);
    expect(await settlement).toEqual({ type: 'complete' });
  });

  test('costs no signal, lease or logger that its handler does not ask for', async () => {
    const { runner, delivery, looked } = runnerOf(() => undefined);
    await runner.run(delivery);
    expect(looked.filter((key) => key !== 'fencingToken')).toEqual([]);
  });
});
