import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { lockstep } from '../src/fastify-lockstep.ts';

test('a route works under a lock, and closing the server closes the connection', async () => {
  const fastify = Fastify();
  await fastify.register(lockstep, { url: 'memory://fastify' });
  fastify.post('/invoices/:id', ({ params }) => {
    const { id } = params as { id: string };
    return fastify.locks.withLock(`invoice:${id}`, { ttlMs: 5_000 }, ({ name, fencingToken }) => ({
      name,
      fenced: fencingToken > 0,
    }));
  });

  const reply = await fastify.inject({ method: 'POST', url: '/invoices/42' });
  expect(reply.json()).toEqual({ name: 'invoice:42', fenced: true });

  const { redis } = fastify;
  await fastify.close();
  await expect(redis.time()).rejects.toMatchObject({ code: 'CLOSED' });
});
