import { sleep, systemClock } from '@lockstep/core';
import type { RedisNode } from '../servers/redis-node.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Enqueues the one task of a round. */
export type EnqueueOne = () => Promise<unknown>;

/** Breaks something around one enqueue; resolves when the task is acknowledged and Redis whole again. */
export type EarFault = (server: RedisNode, enqueue: EnqueueOne, random: SeededRandom) => Promise<void>;

const untilItIsSentMs = 20;

/** What may make a worker deaf, by name. */
export const earFaults = {
  'nothing at all': async (_, enqueue) => {
    await enqueue();
  },
  'CLIENT KILL TYPE normal': async (server, enqueue, random) => {
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await sleep(systemClock, random.between(0, 100));
    await enqueue();
  },
  'CLIENT KILL TYPE pubsub': async (server, enqueue, random) => {
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await sleep(systemClock, random.between(0, 100));
    await enqueue();
  },
  'message dropped before it was published': async (server, enqueue) => {
    await Promise.all([server.command('CLIENT', 'KILL', 'TYPE', 'pubsub'), enqueue()]);
  },
  // Both wait for the pause to end and then run in one turn of the server's loop: Redis counts a receiver, and closes its
  // socket before the message is written to it.
  'message dropped after it was published': async (server, enqueue) => {
    await server.command('CLIENT', 'PAUSE', 200, 'ALL');
    const enqueued = enqueue();
    await sleep(systemClock, untilItIsSentMs);
    await Promise.all([enqueued, server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')]);
  },
  'CLIENT PAUSE ALL': async (server, enqueue, random) => {
    const pauseMs = random.between(50, 1_200);
    await server.command('CLIENT', 'PAUSE', pauseMs, 'ALL');
    await Promise.all([enqueue(), sleep(systemClock, pauseMs)]);
  },
  'CLIENT PAUSE WRITE': async (server, enqueue, random) => {
    const pauseMs = random.between(50, 1_200);
    await server.command('CLIENT', 'PAUSE', pauseMs, 'WRITE');
    await Promise.all([enqueue(), sleep(systemClock, pauseMs)]);
  },
  'SIGSTOP of Redis': async (server, enqueue, random) => {
    await server.stop();
    const enqueued = enqueue();
    await sleep(systemClock, random.between(50, 1_500));
    await server.cont();
    await enqueued;
  },
} satisfies Record<string, EarFault>;
