import { defineScript } from '@lockstep/redis';

export interface PermitHolderState {
  readonly owner: string;
  readonly ttlMs: number;
  readonly count: number;
  readonly metadata: string | undefined;
}

export interface PermitState {
  readonly holders: readonly PermitHolderState[];
  readonly waiters: readonly string[];
}

/** Reads only. Reply: how many holders, then id, ttl and extras of each (at most 1,000), then the live waiters. */
export const inspectPermits = defineScript({
  name: 'lock.permits.inspect',
  keys: ['holders', 'extras', 'waiters', 'alive'],
  args: [],
  lua: /* lua */ `
local live = redis.call('ZRANGEBYSCORE', holders, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1000)
local out = {#live / 2}
for i = 1, #live, 2 do
  out[#out + 1] = live[i]
  out[#out + 1] = int(live[i + 1] - now)
  out[#out + 1] = redis.call('HGET', extras, live[i]) or '0 '
end
local line = redis.call('LRANGE', waiters, 0, 99)
for i = 1, #line do
  local lease = redis.call('ZSCORE', alive, line[i])
  if lease and lease * 1.0 > now then out[#out + 1] = line[i] end
end
return {unpack(out)}
`,
  idempotent: true,
  parse: parsePermits,
});

function parsePermits(reply: unknown): PermitState {
  const [total, ...rest] = reply as [number, ...string[]];
  const holders: PermitHolderState[] = [];
  for (let at = 0; at < total * 3; at += 3) {
    const [more, metadata] = splitOnce(rest[at + 2]!);
    holders.push({ owner: rest[at]!, ttlMs: Number(rest[at + 1]), count: Number(more) + 1, metadata });
  }
  return { holders, waiters: rest.slice(total * 3) };
}

function splitOnce(text: string): [string, string | undefined] {
  const cut = text.indexOf(' ');
  return [text.slice(0, cut), text.slice(cut + 1) || undefined];
}
