import { createLocks, Locks } from '@lockstep/lock';
import { connect, Redis } from '@lockstep/redis';
import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';

class Connection implements OnApplicationShutdown {
  readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  /** Nest calls it after the server has stopped listening; workers and locks end with their connection. */
  async onApplicationShutdown(): Promise<void> {
    await this.redis.close();
  }
}

/** Provides `Redis` and `Locks` to the whole application. */
@Module({})
export class LockstepModule {
  static forRoot(url?: string): DynamicModule {
    return {
      module: LockstepModule,
      global: true,
      providers: [
        { provide: Connection, useFactory: async () => new Connection(await connect(url)) },
        { provide: Redis, useFactory: ({ redis }: Connection) => redis, inject: [Connection] },
        { provide: Locks, useFactory: (redis: Redis) => createLocks({ redis }), inject: [Redis] },
      ],
      exports: [Redis, Locks],
    };
  }
}
