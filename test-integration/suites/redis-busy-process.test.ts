import { connect, createPool, type Redis, type RedisClient } from '@lockstep/redis';
import { Redis as Redis6 } from 'ioredis-6';
import { describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { realTopologies } from '../src/topologies.ts';
import { silent } from './redis-load.ts';
import { increment } from './redis-scripts.ts';

const { urls } = inject('redis');
/** Longer than socketTimeoutMs, shorter than commandTimeoutMs. */
const blockedMs = 1_500;

function block(): void {
  const end = performance.now() + blockedMs;
  while (performance.now() < end);
}

/** Once what was called in this turn has reached the socket. */
const written = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

async function connected(url: string): Promise<Redis> {
  return connect(url, { logger: silent, prefix: `t-${crypto.randomUUID()}:` });
}

describe.each(realTopologies)(
  'a process that is busy for longer than its socket may be silent, on %s',
  (topology) => {
    it('gets the reply that waits for it, and keeps its connection', async () => {
      await using redis = await connected(urls[topology]!);
      let drops = 0;
      redis.on('down', () => (drops += 1));
      const counter = redis.keyspace('busy', 'x').key('counter');
      const call = redis.run(increment, { counter }, {});
      await written();
      block();
      expect(await call).toBe(1);
      // This one reaches the socket only after its time is up.
      const late = redis.run(increment, { counter }, {});
      block();
      expect(await late).toBe(2);
      expect(drops).toBe(0);
    });

    it('keeps its subscriber and its pooled connections', async () => {
      await using redis = await connected(urls[topology]!);
      let gaps = 0;
      redis.on('gap', () => (gaps += 1));
      await redis.subscribe(`${redis.prefix}news`, () => {}).ready;
      const second = redis.subscribe(`${redis.prefix}more`, () => {});
      const pool = createPool({ redis });
      await using borrowed = await pool.acquire();
      const pong = borrowed.client.ping();
      block();
      expect(await pong).toBe('PONG');
      await second.ready;
      expect(gaps).toBe(0);
    });
  },
);

it('keeps the connections that it makes beside a client of ioredis 6', async () => {
  const client = new Redis6(urls.standalone!, { socketTimeout: 10_000, commandTimeout: 2_000 });
  await using redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
  await using pool = createPool({ redis });
  await using borrowed = await pool.acquire();
  const pong = borrowed.client.ping();
  block();
  expect(await pong).toBe('PONG');
  client.disconnect();
});
