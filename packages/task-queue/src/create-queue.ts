import { createEngine } from '@lockstep/delivery/internal';
import { Closing } from './closing.ts';
import type { TaskMap } from './definition.ts';
import { defaultVisibilityMs } from './definition-schema.ts';
import { createKnownTasks } from './known-task.ts';
import { Queue } from './queue.ts';
import { resolveQueueOptions, type QueueOptions } from './queue-options.ts';
import { Sweeper } from './sweeper.ts';
import { Timings } from './timings.ts';

/** How long it can be asked what became of a cancelled or an expired task. */
const endedKeptMs = 600_000;

/**
 * Opens a queue: `createQueue({ redis, ...emails })`, with a definition by `defineQueue` or everything inline. No I/O.
 *
 * @throws `ConfigurationError` naming path, rule and value.
 */
export function createQueue<const Tasks extends TaskMap>(options: QueueOptions<Tasks>): Queue<Tasks> {
  const { definition, redis, logger, onError, codec, maxPayloadBytes } = resolveQueueOptions(options);
  const { name, maxDeliveries, lowerShare } = definition;
  const engine = createEngine({
    redis,
    kind: 'queue',
    name,
    visibilityMs: defaultVisibilityMs,
    maxDeliveries,
    lowerShare,
    keepOutcomesMs: endedKeptMs,
    logger,
    onError,
  });
  const tasks = createKnownTasks(definition.tasks, { codec, maxPayloadBytes });
  const timings = new Timings(redis.clock);
  const label = `queue ${name}`;
  const sweeper = new Sweeper({ redis, engine, onError, label });
  const closing = new Closing(label);
  const parts = {
    redis,
    engine,
    definition,
    tasks,
    codec,
    logger,
    onError,
    timings,
    sweeper,
    closing,
    label,
  };
  return new Queue(parts);
}
