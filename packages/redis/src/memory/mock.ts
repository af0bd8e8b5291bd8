import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { ConfigurationError } from '@lockstep/core';
import type { RedisClient } from '../client.ts';
import { keepCompiledScripts } from './compiled-scripts.ts';
import type { MemoryFaults } from './faults.ts';
import type { ClockedData, MockData, MockExpires } from './store.ts';

/** What the memory driver uses of an ioredis-mock instance beyond its commands. */
export interface MockClient extends RedisClient {
  data: MockData;
  expires: MockExpires;
  readonly keyData: string;
  readonly customCommands: Record<string, unknown>;
  /** Emitters that all clients of one data listen on. */
  readonly channels: EventEmitter;
  readonly patternChannels: EventEmitter;
  readonly context: { readonly modifiedKeyEvents: EventEmitter };
}

type MockConstructor = new (options: { host: string; port: number }) => MockClient;

const load = createRequire(import.meta.url);

/** A new client of the mock's data at this port. The mock is loaded here, so that only `memory://` needs it installed. */
export function createMock(port: number): MockClient {
  let Mock: MockConstructor;
  try {
    Mock = load('ioredis-mock') as MockConstructor;
    keepCompiledScripts(load.resolve('ioredis-mock'));
  } catch (error) {
    throw new ConfigurationError(
      'target',
      'must not be memory:// while ioredis-mock is not installed; add it: npm install --save-dev ioredis-mock',
      'memory://',
      { cause: error },
    );
  }
  const client = new Mock({ host: 'lockstep-memory', port });
  const { channels, patternChannels, context } = client;
  // Each client is a listener: more than ten connections of one name are no leak.
  for (const emitter of [channels, patternChannels, context.modifiedKeyEvents]) emitter.setMaxListeners(0);
  return client;
}

/** Members of the mock that look like commands but are not. */
const notCommands = new Set([
  'connect',
  'disconnect',
  'quit',
  'defineCommand',
  'multi',
  'exec',
  'pipeline',
  'duplicate',
]);

type Command = (...args: unknown[]) => Promise<unknown>;

/** Puts the fault switches and the removal of emptied keys around every command of a mock client. */
export function instrument(client: MockClient, data: ClockedData, faults: MemoryFaults): void {
  const commands = client as unknown as Record<string, unknown>;
  for (const name of Object.keys(client)) {
    const original = commands[name];
    if (
      typeof original !== 'function' ||
      name.startsWith('_') ||
      name.endsWith('Stream') ||
      notCommands.has(name)
    )
      continue;
    commands[name] = gated(name, original as Command, data, faults);
  }
}

function gated(name: string, execute: Command, data: ClockedData, faults: MemoryFaults): Command {
  return async (...args) => {
    faults.beforeCommand(name, args);
    const reply = data.atServerTime(() => execute(...args));
    // The mock has executed the command by now, although the reply is still a promise.
    data.removeEmptied();
    const value = await reply;
    faults.afterCommand(name, args);
    return value;
  };
}
