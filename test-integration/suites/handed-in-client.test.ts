import type { Logger } from '@lockstep/core';
import { connect, scriptCall, type RedisClient } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { Redis as Redis5 } from 'ioredis';
import { Redis as Redis6 } from 'ioredis-6';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';
import { increment } from './redis-scripts.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
// The classes of the two majors are not assignable to one another; what the test uses of them is the same.
type Constructor = new (port: number, host: string, options: object) => Redis5;
const majors: readonly (readonly [string, Constructor])[] = [
  ['ioredis 5', Redis5],
  ['ioredis 6', Redis6 as unknown as Constructor],
];

describe.runIf(inject('redis').site !== null).each(majors)(
  'a client of %s that is handed in',
  (_, Client) => {
    let server: StandaloneServer;
    beforeAll(async () => {
      server = await startStandalone();
    });
    afterAll(() => server[Symbol.asyncDispose]());

    const safe = { autoResendUnfulfilledCommands: false, commandTimeout: 2_000, socketTimeout: 1_000 };
    const handIn = (options = {}) => {
      const client = new Client(server.port, '127.0.0.1', { ...safe, ...options });
      client.on('error', () => {});
      return client;
    };

    it('runs scripts, one by one and in one write, after SCRIPT FLUSH too', async () => {
      const client = handIn();
      const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
      const counter = redis.keyspace('handed', crypto.randomUUID()).key('counter');
      expect(await redis.run(increment, { counter }, {})).toBe(1);
      await client.script('FLUSH');
      const calls = [1, 2, 3].map(() => scriptCall(increment, { counter }, {}));
      expect((await redis.runAll(calls)).map((outcome) => outcome.status)).toEqual([
        'fulfilled',
        'fulfilled',
        'fulfilled',
      ]);
      expect(await client.get(counter)).toBe('4');
      await redis.close();
      client.disconnect();
    });

    it('is used as it is, also when it connects lazily, and is left open', async () => {
      const client = handIn({ lazyConnect: true });
      const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
      await redis.close();
      expect(await client.ping()).toBe('PONG');
      client.disconnect();
    });

    it('keeps its connection; messages come over a duplicate, which is closed', async () => {
      const before = new Set(await connections(server));
      const added = async () => (await connections(server)).filter((id) => !before.has(id)).length;
      const client = handIn();
      const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
      const heard: string[] = [];
      await redis.subscribe('news', (payload) => heard.push(payload)).ready;
      await client.publish('news', 'x');
      await eventually(() => expect(heard).toEqual(['x']));
      expect(await added()).toBe(2);
      await redis.close();
      await eventually(async () => expect(await added()).toBe(1));
      client.disconnect();
    });

    it('recovers from CLIENT KILL of both connections, and tells of the gap', async () => {
      const client = handIn();
      const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
      const events: string[] = [];
      redis.on('gap', () => events.push('gap'));
      redis.on('up', () => events.push('up'));
      await redis.subscribe('news', () => {}).ready;
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(() => expect(events.toSorted()).toEqual(['gap', 'up']));
      const counter = redis.keyspace('handed', crypto.randomUUID()).key('counter');
      expect(await redis.run(increment, { counter }, {})).toBe(1);
      await redis.close();
      client.disconnect();
    });
  },
);

async function connections(server: StandaloneServer): Promise<string[]> {
  const list = (await server.command('CLIENT', 'LIST')) as string;
  return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!);
}
