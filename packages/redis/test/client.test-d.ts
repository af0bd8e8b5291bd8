import type { RedisClient } from '@lockstep/redis';
import type { Cluster, Redis } from 'ioredis';
import { expectTypeOf, test } from 'vitest';

test('clients of ioredis fit as they are, without a cast', () => {
  expectTypeOf<Redis>().toExtend<RedisClient>();
  expectTypeOf<Cluster>().toExtend<RedisClient>();
});
