import { sleep, systemClock } from '@lockstep/core';
import type { FaultProxy } from '@lockstep/testing';
import type { StandaloneServer } from '../servers/standalone.ts';

/** Runs `operation` while something is wrong; whole again when it resolves, whatever became of the operation. */
export type QueueFault = (
  parts: { readonly server: StandaloneServer; readonly proxy: FaultProxy },
  operation: () => Promise<unknown>,
) => Promise<unknown>;

const untilItIsSentMs = 30;
const wrongForMs = 150;

/** What may happen before or after a script, by name. The proxy stands between the queue and Redis. */
export const queueFaults = {
  NOSCRIPT: async ({ server }, operation) => {
    await server.command('SCRIPT', 'FLUSH');
    await operation();
  },
  'time-out before it reaches Redis': async ({ proxy }, operation) => {
    proxy.hold('requests');
    const done = operation();
    await sleep(systemClock, untilItIsSentMs);
    proxy.reset();
    proxy.resume('requests');
    await done;
  },
  'reply lost after it ran': async ({ proxy }, operation) => {
    proxy.swallowReply({ match: 'evalsha' });
    await operation();
  },
  'late reply': async ({ proxy }, operation) => {
    proxy.hold('replies');
    const done = operation();
    await sleep(systemClock, wrongForMs);
    proxy.resume('replies');
    await done;
  },
  // Of a master that is not there: it keeps its data, and refuses writes.
  READONLY: async ({ server }, operation) => {
    await server.command('REPLICAOF', '127.0.0.1', '1');
    const done = operation();
    await sleep(systemClock, wrongForMs);
    await server.command('REPLICAOF', 'NO', 'ONE');
    await done;
  },
  OOM: async ({ server }, operation) => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const done = operation();
    await sleep(systemClock, wrongForMs);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await done;
  },
} satisfies Record<string, QueueFault>;
