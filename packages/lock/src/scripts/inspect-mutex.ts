import { defineScript } from '@lockstep/redis';

/** A mutex as it stands in Redis. */
export interface MutexState {
  /** Undefined when nobody holds it. */
  readonly owner: string | undefined;
  readonly ttlMs: number;
  /** Undefined for a holder of another library. */
  readonly fencingToken: number | undefined;
  /** Encoded, or undefined. */
  readonly metadata: string | undefined;
  /** How often a re-entrant owner holds it. */
  readonly holds: number;
  readonly now: number;
  /** `<channel> <request>` of the live ones, first come first. */
  readonly waiters: readonly string[];
}

/** Reads only. Reply: owner, ttl, token, metadata, holds, now, then the live waiters (the first 100 places). */
export const inspectMutex = defineScript({
  name: 'lock.inspect',
  keys: ['lock', 'fence', 'waiters', 'alive', 'meta', 'holds'],
  args: [],
  lua: /* lua */ `
local holder = redis.call('GET', lock)
local told = holder and redis.call('HGET', meta, 'owner') == holder
local ours = told or holder and string.find(holder, '^[%w_-]+~[%w_-]+~%w+$')
local out = {
  holder or '',
  int(redis.call('PTTL', lock)),
  ours and redis.call('GET', fence) or '',
  told and redis.call('HGET', meta, 'metadata') or '',
  told and redis.call('ZCOUNT', holds, '(' .. int(now), '+inf') or 0,
  int(now)
}
local line = redis.call('LRANGE', waiters, 0, 99)
for i = 1, #line do
  local lease = redis.call('ZSCORE', alive, line[i])
  if lease and lease * 1.0 > now then out[#out + 1] = line[i] end
end
return {unpack(out)}
`,
  idempotent: true,
  parse(reply): MutexState {
    const [owner, ttl, token, metadata, holds, now, ...waiters] = reply as string[];
    return {
      owner: owner || undefined,
      ttlMs: Number(ttl),
      fencingToken: token ? Number(token) : undefined,
      metadata: metadata && metadata !== '0' ? metadata : undefined,
      holds: Number(holds),
      now: Number(now),
      waiters,
    };
  },
});
