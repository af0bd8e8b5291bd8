import { fenceGuardLua } from '@lockstep/lock';
import { defineScript } from '@lockstep/redis';
import type { Redis } from '@lockstep/redis';

const guardedWrite = defineScript({
  name: 'chaos.guarded-write',
  keys: ['log', 'token'],
  args: ['fencing_token'],
  include: [fenceGuardLua],
  lua: /* lua */ `
if not fence_admits(token, fencing_token) then return 0 end
redis.call('RPUSH', log, fencing_token)
return 1
`,
  idempotent: false,
  parse: (reply) => reply === 1,
});

const plainWrite = defineScript({
  name: 'chaos.plain-write',
  keys: ['log'],
  args: ['fencing_token'],
  lua: /* lua */ `
redis.call('RPUSH', log, fencing_token)
return 1
`,
  idempotent: false,
  parse: (reply) => reply === 1,
});

/** What a lock protects: a log of the tokens that were written, in the order in which they were accepted. */
export class Resource {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Whether the write was accepted. Without `fenced` every one is. */
  write(name: string, token: number, fenced: boolean): Promise<boolean> {
    const { log, token: seen } = this.#keys(name);
    return fenced
      ? this.#redis.run(guardedWrite, { log, token: seen }, { fencing_token: token })
      : this.#redis.run(plainWrite, { log }, { fencing_token: token });
  }

  /** How many writes it accepted, and how many of them came after one with a larger token. */
  async audit(names: readonly string[]): Promise<{ accepted: number; stale: number }> {
    const client = this.#redis.client as unknown as {
      lrange(key: string, from: number, to: number): Promise<string[]>;
    };
    let accepted = 0;
    let stale = 0;
    for (const name of names) {
      let largest = 0;
      for (const token of (await client.lrange(this.#keys(name).log, 0, -1)).map(Number)) {
        accepted += 1;
        if (token < largest) stale += 1;
        largest = Math.max(largest, token);
      }
    }
    return { accepted, stale };
  }

  #keys(name: string): { log: string; token: string } {
    const keyspace = this.#redis.keyspace('resource', name);
    return { log: keyspace.key('log'), token: keyspace.key('token') };
  }
}
