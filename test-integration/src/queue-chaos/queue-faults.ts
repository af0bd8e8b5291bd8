import { sleep, systemClock } from '@lockstep/core';
import type { FaultProxy } from '@lockstep/testing';
import type { StandaloneServer } from '../servers/standalone.ts';
import type { ScriptGate, ScriptSide } from './script-gate.ts';

/** Where faults are made; `mark` is in the keys of the queue that is to have them. */
export interface FaultParts {
  readonly server: StandaloneServer;
  readonly proxy: FaultProxy;
  readonly mark: string;
}

/** Runs `operation` while something is wrong; whole again when it resolves, whatever became of the operation. */
export type QueueFault = (parts: FaultParts, operation: () => Promise<unknown>) => Promise<unknown>;

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

/** What goes wrong at one script of an operation, on the side that `side` says, and how it is put right. */
export interface ScriptFault {
  readonly side: ScriptSide;
  begin(parts: FaultParts): Promise<unknown>;
  end?(parts: FaultParts): Promise<unknown>;
}

const readonlyFault = {
  begin: ({ server }) => server.command('REPLICAOF', '127.0.0.1', '1'),
  end: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
} satisfies Omit<ScriptFault, 'side'>;

const fullFault = {
  begin: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', '1'),
  end: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', '0'),
} satisfies Omit<ScriptFault, 'side'>;

/** For each single script: it meets the fault, or has just run when the fault begins and the next one meets it. */
export const scriptFaults = {
  'NOSCRIPT before': { side: 'before', begin: ({ server }) => server.command('SCRIPT', 'FLUSH') },
  'a connection lost before': { side: 'before', begin: async ({ proxy }) => proxy.reset() },
  'its reply lost after': {
    side: 'before',
    begin: async ({ proxy, mark }) => proxy.swallowReply({ match: mark }),
  },
  'READONLY before': { side: 'before', ...readonlyFault },
  'READONLY after': { side: 'after', ...readonlyFault },
  'OOM before': { side: 'before', ...fullFault },
  'OOM after': { side: 'after', ...fullFault },
} satisfies Record<string, ScriptFault>;

/** Runs `operation` with the fault at its n-th script. Gives whether there was one; whole again when it resolves. */
export async function faultAtScript(
  gate: ScriptGate,
  n: number,
  fault: ScriptFault,
  parts: FaultParts,
  operation: () => Promise<unknown>,
): Promise<boolean> {
  let healing = Promise.resolve<unknown>(undefined);
  gate.arm(n, fault.side, async () => {
    await fault.begin(parts);
    healing = sleep(systemClock, wrongForMs).then(() => fault.end?.(parts));
  });
  await operation();
  const cameToIt = !gate.disarm();
  await healing;
  return cameToIt;
}
