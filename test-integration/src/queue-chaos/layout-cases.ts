import { createQueue, task } from '@lockstep/task-queue';
import type { BehaviourHarness } from '@lockstep/testing';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { anyInput } from './any-input.ts';

/** The commands of the README's section on keys, with what they show. A layout that changes has to change both. */
export function layoutCases(harness: BehaviourHarness): void {
  describe('the layout, read with redis-cli', () => {
    let client: Client;
    beforeAll(() => void (client = new Client(inject('redis').urls.standalone!)));
    afterAll(() => client.disconnect());

    test('shows what waits, is due later, is held, is dead and is kept', async () => {
      await using redis = await harness.connect();
      const input = anyInput<{ readonly to: string }>();
      const tasks = { 'email.send': task({ input, output: anyInput<string>(), maxAttempts: 1 }) };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      const add = (id: string, options = {}) => queue.enqueue('email.send', { to: id }, { id, ...options });
      await add('dead-1');
      await (await queue.receive())[0]!.retry({ error: new Error('no such mailbox') });
      await add('done-1');
      await (await queue.receive())[0]!.complete('250 OK');
      await add('held-1');
      await queue.receive();
      await add('order-5');
      await add('later-1', { delayMs: 60_000 });

      const key = (part: string): string => redis.keyspace('queue', queue.name, 0).key(part);
      // ioredis 6 gives the scores of a zset as pairs.
      const call = async (command: string, part: string, ...args: string[]): Promise<unknown> => {
        const reply = await client.call(command, key(part), ...args);
        return Array.isArray(reply) ? reply.flat() : reply;
      };
      expect(key('meta')).toMatch(/^\{.+queue:.+:0\}:meta$/);
      expect(await call('LLEN', 'ready:normal')).toBe(1);
      expect(await call('LRANGE', 'ready:normal', '0', '9')).toEqual(['n4 order-5']);
      const scored = ['0', '9', 'WITHSCORES'];
      expect(await call('ZRANGE', 'delayed', ...scored)).toEqual([
        'n5 later-1',
        expect.stringMatching(/^\d{13}$/),
      ]);
      expect(await call('ZRANGE', 'leased', ...scored)).toEqual([
        expect.stringMatching(/^0{47}\d{16} held-1$/),
        expect.stringMatching(/^\d{13}$/),
      ]);
      expect(await call('ZRANGE', 'dead', ...scored)).toEqual(['dead-1', expect.stringMatching(/^\d{13}$/)]);
      expect(await call('ZRANGE', 'kept', ...scored)).toEqual(['done-1', expect.stringMatching(/^\d{13}$/)]);

      const field = (bucket: number, name: string): Promise<unknown> => call('HGET', `item:${bucket}`, name);
      expect(await field(3, 'order-5')).toMatch(/^1n4 \d{13} - 1email\.send\n1\{"to":"order-5"\}$/);
      expect(await field(14, 'held-1{s}')).toMatch(/^1n3 \d+ 1 0 0 \S+$/);
      expect(await field(14, 'dead-1{d}')).toMatch(/^1\d{13} attempts$/);
      expect(await field(14, 'dead-1{e1}')).toMatch(/^1\d{13} \{"name":"Error","message":"no such mailbox"/);
      expect(await field(14, 'done-1')).toMatch(/^1=c \d{13} \d{13} =1email\.send\n1"250 OK"$/);
      await queue.obliterate();
    });

    test('has no other keys than those that the README names', async () => {
      await using redis = await harness.connect();
      const queue = createQueue({
        redis,
        name: harness.uniqueName(),
        tasks: { t: task({ input: anyInput<null>() }) },
      });
      await queue.enqueue('t', null);
      const keys = (await client.call('KEYS', `*${queue.name}*`)) as string[];
      const named =
        /:(meta|ready:(critical|high|normal|low)|delayed|leased|expiring|dead|kept|cancels|awaiting|seen|waiters|item:([0-9]|1[0-5]))$/;
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.filter((key) => !named.test(key))).toEqual([]);
      await queue.obliterate();
      expect(await client.call('KEYS', `*${queue.name}*`)).toEqual([]);
    });
  });
}
