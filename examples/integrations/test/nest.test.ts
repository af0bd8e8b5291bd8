import 'reflect-metadata';
import { Locks } from '@lockstep/lock';
import { Redis } from '@lockstep/redis';
import { NestFactory } from '@nestjs/core';
import { expect, test } from 'vitest';
import { LockstepModule } from '../src/nest-lockstep.ts';

test('the application is given locks, and its shutdown closes the connection', async () => {
  const application = await NestFactory.createApplicationContext(LockstepModule.forRoot('memory://nest'), {
    logger: false,
  });
  const locks = application.get(Locks);
  await using held = await locks.acquire('invoice:42', { ttlMs: 5_000 });
  expect(held.isValid()).toBe(true);

  const redis = application.get(Redis);
  await application.close();
  expect(held.signal.aborted).toBe(true);
  await expect(redis.time()).rejects.toMatchObject({ code: 'CLOSED' });
});
