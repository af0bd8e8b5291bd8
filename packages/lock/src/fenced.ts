import { assertName, assertPayloadSize, LeaseLostError, markBody, unmarkBody } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { fencedKeys } from './keys.ts';
import { resolveFencedWrite, tokenOf, type FencedWriteOptions } from './options.ts';
import { fencedRead, fencedWrite } from './scripts/fenced.ts';

/** A lock handle, any other lease, or the bare token of one. */
export type FenceGuard = number | { readonly fencingToken: number };

/** A value under guard. */
export interface FencedValue {
  readonly value: unknown;
  /** The largest token that has written to this name. */
  readonly fencingToken: number;
}

/** Values that refuse a writer whose lock has passed to another. */
export interface Fenced {
  /**
   * Writes unless a larger token has written before.
   *
   * @throws LEASE_LOST with reason `refused`: somebody holds, or held, the lock after this lease. PAYLOAD_TOO_LARGE.
   */
  set(name: string, value: unknown, guard: FenceGuard, options?: FencedWriteOptions): Promise<void>;
  /** Deletes the value under the same rule; the token stays remembered. */
  delete(name: string, guard: FenceGuard): Promise<void>;
  /** Undefined when nothing is stored. */
  get(name: string): Promise<FencedValue | undefined>;
}

/**
 * The other half of a lock: a store in Redis that compares tokens, so that a holder that was paused past its deadline
 * cannot overwrite what its successor wrote. One round trip for each call.
 */
export function fenced(redis: Redis): Fenced {
  const write = async (name: string, body: string, guard: FenceGuard, ttlMs: number): Promise<void> => {
    assertName(name, 'name');
    const token = tokenOf(guard);
    const args = { fencing_token: token, body, ttl_ms: ttlMs };
    const reply = await redis.run(fencedWrite, fencedKeys(redis.prefix, name), args);
    if (!reply.admitted) throw new LeaseLostError({ lease: name, fencingToken: token, reason: 'refused' });
  };
  return {
    async set(name, value, guard, options = {}) {
      const { ttlMs } = resolveFencedWrite(options);
      const text = redis.codec.encode(value);
      assertPayloadSize(text, redis.maxPayloadBytes, `value of ${name}`);
      await write(name, markBody(text), guard, ttlMs);
    },
    delete: (name, guard) => write(name, '', guard, 0),
    async get(name) {
      assertName(name, 'name');
      const { body, fencingToken } = await redis.run(fencedRead, fencedKeys(redis.prefix, name), {});
      if (body === undefined || fencingToken === undefined) return undefined;
      return { value: redis.codec.decode(unmarkBody(body)), fencingToken };
    },
  };
}
