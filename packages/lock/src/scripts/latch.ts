import { ringLua, defineScript } from '@lockstep/redis';
import { layout } from '../answer.ts';
import { patienceMs } from '../timing.ts';

/** What a latch answers: how many counts are left, or why it does not count. */
export type LatchReply =
  | { readonly kind: 'left'; readonly left: number }
  | { readonly kind: 'other-count'; readonly count: number }
  | { readonly kind: 'too-new'; readonly layout: number };

/** Lua: refuses a latch that is not as the caller thinks. Names: `latch`, `total`. */
const checkLua = /* lua */ `
local found = redis.call('HGET', latch, 'layout')
if found and found * 1.0 > ${layout} then return {2, found} end
local stored = redis.call('HGET', latch, 'total')
if stored and stored ~= total then return {1, stored} end
`;

/**
 * Counts down once for `request`, however often it is sent; the first one makes the latch, with its count. At zero rings
 * everyone. After its deadline it does not run. Reply: see `parseLatch`.
 */
export const countDown = defineScript({
  name: 'lock.latch.count-down',
  keys: ['latch', 'waiters', 'alive'],
  args: ['total', 'request', 'keep_ms'],
  include: [ringLua],
  lua: /* lua */ `
${checkLua}
if not stored then redis.call('HSET', latch, 'layout', '${layout}', 'total', total, 'left', total) end
redis.call('PEXPIRE', latch, keep_ms)
local left = redis.call('HGET', latch, 'left') * 1
if left > 0 and redis.call('HSETNX', latch, 'by:' .. request, '1') == 1 then
  left = redis.call('HINCRBY', latch, 'left', '-1')
end
if left == 0 then
  ring(waiters, redis.call('LLEN', waiters))
  redis.call('DEL', waiters, alive)
end
return {0, left}
`,
  idempotent: true,
  expires: true,
  parse: parseLatch,
});

/** How many are left. Reads only. Reply: see `parseLatch`. */
export const readLatch = defineScript({
  name: 'lock.latch.read',
  keys: ['latch'],
  args: ['total'],
  lua: /* lua */ `
${checkLua}
return {0, redis.call('HGET', latch, 'left') or total}
`,
  idempotent: true,
  parse: parseLatch,
});

/**
 * As `readLatch`; while some are left, `waiter` is rung once none is, and a latch that was counted down is kept. It makes
 * none: waiting for one nobody has counted down yet is waiting for whichever comes. Reply: see `parseLatch`.
 */
export const watchLatch = defineScript({
  name: 'lock.latch.watch',
  keys: ['latch', 'waiters', 'alive'],
  args: ['total', 'waiter', 'keep_ms'],
  lua: /* lua */ `
${checkLua}
if stored then redis.call('PEXPIRE', latch, keep_ms) end
local left = (redis.call('HGET', latch, 'left') or total) * 1
if left > 0 then
  -- Some of those that are rung at once may be gone, but each entry is rung: the list need not be kept clean.
  if not redis.call('ZSCORE', alive, waiter) then redis.call('RPUSH', waiters, waiter) end
  redis.call('ZADD', alive, int(now + ${patienceMs}), waiter)
  redis.call('PEXPIRE', waiters, '${2 * patienceMs}')
  redis.call('PEXPIRE', alive, '${2 * patienceMs}')
end
return {0, left}
`,
  idempotent: true,
  parse: parseLatch,
});

function parseLatch(reply: unknown): LatchReply {
  const [code, value] = (reply as [number, string | number]).map(Number) as [number, number];
  if (code === 0) return { kind: 'left', left: value };
  return code === 1 ? { kind: 'other-count', count: value } : { kind: 'too-new', layout: value };
}
