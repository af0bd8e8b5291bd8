import { createLocks, type Locks } from '@lockstep/lock';
import { createRedis, type Redis } from '@lockstep/redis';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    redis: Redis;
    locks: Locks;
  }
}

export interface LockstepPluginOptions {
  /** `REDIS_URL` without it. */
  readonly url?: string | undefined;
}

/** Puts a connection and its locks on the instance, and closes both when the last request has been answered. */
export const lockstep = plugin<LockstepPluginOptions>(
  async (fastify, { url }) => {
    const redis = createRedis(url, { onError: (error) => fastify.log.error(error) });
    fastify.addHook('onClose', () => redis.close().then(() => {}));
    fastify.decorate('redis', redis);
    fastify.decorate('locks', createLocks({ redis }));
    await redis.ready();
  },
  { name: 'lockstep', fastify: '5.x' },
);
