import { defineScript } from '@lockstep/redis';
import { layout, parseAnswer } from '../answer.ts';
import { graceMs, patienceMs } from '../timing.ts';
import { permitsLua } from './permits.ts';
import { fenceLua, lineUpLua, queueLua } from './queue.ts';

/**
 * `count` of `permits` for `request`: a semaphore, or a read-write lock, where a writer takes all there are. The caller
 * says how many permits there are; whoever comes with fewer waits until fewer are in use. Reply: see `parseAnswer`.
 *
 * Sent twice it returns the first grant, which then counts from the second sending; after a release or a withdrawal it is refused; after its deadline it does not
 * run. Time: the server's.
 */
export const acquirePermits = defineScript({
  name: 'lock.permits.acquire',
  keys: ['holders', 'extras', 'wants', 'fence', 'waiters', 'alive', 'gone', 'meta'],
  args: [
    'request',
    'channel',
    'count',
    'permits',
    'ttl_ms',
    'metadata',
    'least',
    'keep_ms',
    'touch',
    'exact',
  ],
  include: [queueLua, lineUpLua, fenceLua, permitsLua],
  lua: /* lua */ `
local waiter = channel .. ' ' .. request
drop_expired()
local deadline = redis.call('ZSCORE', holders, request)
if deadline then
  -- Its sender did not hear of the grant, and counts from now.
  if deadline * 1.0 < now + ttl_ms then redis.call('ZADD', holders, int(now + ttl_ms), request) end
  keep_while_held()
  return {1, redis.call('GET', fence)}
end
if redis.call('ZSCORE', gone, request) then return {2} end
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
local first = head(waiters, alive)
local used = in_use()
local fits = used + count <= permits * 1.0
if fits and (not first or first == waiter) then
  if first then
    leave(waiters, alive, waiter)
    redis.call('HDEL', wants, waiter)
  end
  redis.call('ZADD', holders, int(now + ttl_ms), request)
  if count ~= '1' or metadata ~= '' then
    redis.call('HSET', extras, request, int(count - 1.0) .. ' ' .. metadata)
  end
  keep_while_held()
  local token = next_token(fence)
  if first then summon_fitting(false) end
  return {1, token}
end
local position = 0
if channel ~= '' then
  position = line_up(waiters, alive, waiter)
  redis.call('HSET', wants, waiter, count .. ' ' .. permits)
  redis.call('PEXPIRE', wants, '${2 * patienceMs}')
end
if first and first ~= waiter then summon_fitting(true) end
if fits then return {0, position, ${graceMs}} end
local next_end = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')[2]
return {0, position, int(next_end and next_end - now or -1)}
`,
  idempotent: true,
  expires: true,
  parse: parseAnswer,
});
