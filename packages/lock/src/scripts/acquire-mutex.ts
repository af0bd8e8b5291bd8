import { defineScript } from '@lockstep/redis';
import { layout, parseAnswer } from '../answer.ts';
import { foreignPollMs, graceMs } from '../timing.ts';
import { againLua, fenceLua, lineUpLua, oursLua, queueLua } from './queue.ts';

/**
 * `owner` is the request's id, used once; `channel` is where its process is rung, or empty to be refused rather than
 * stand in line; `announce` is a channel that hears of the grant, or empty. Reply: see `parseAnswer`.
 *
 * Sent twice it returns the first grant, which then counts from the second sending; after a release or a withdrawal it is refused; after its deadline it does not
 * run. Time: the server's.
 */
export const acquireMutex = defineScript({
  name: 'lock.acquire',
  keys: ['lock', 'fence', 'waiters', 'alive', 'gone', 'meta'],
  args: ['owner', 'channel', 'ttl_ms', 'metadata', 'announce', 'least', 'keep_ms', 'touch', 'exact'],
  include: [queueLua, lineUpLua, fenceLua, oursLua, againLua],
  lua: /* lua */ `
local holder = redis.call('GET', lock)
if holder == owner then
  lengthen(lock, ttl_ms)
  if metadata ~= '' then lengthen(meta, ttl_ms) end
  return {1, redis.call('GET', fence)}
end
-- Mostly neither is there.
if redis.call('EXISTS', gone, meta) > 0 then
  if redis.call('ZSCORE', gone, owner) then return {2} end
  local found = redis.call('HGET', meta, 'layout')
  if found and found * 1.0 > ${layout} then return {3, found} end
end
local waiter = channel .. ' ' .. owner
local first = head(waiters, alive)
if not holder and (not first or first == waiter) then
  if first then leave(waiters, alive, waiter) end
  local token = next_token(fence)
  redis.call('SET', lock, owner, 'PX', ttl_ms)
  if metadata ~= '' then
    redis.call('DEL', meta)
    redis.call('HSET', meta, 'layout', '${layout}', 'owner', owner, 'metadata', metadata)
    redis.call('PEXPIRE', meta, ttl_ms)
  end
  if announce ~= '' then redis.call('PUBLISH', announce, token) end
  return {1, token}
end
local position = 0
if channel ~= '' then position = line_up(waiters, alive, waiter) end
if not holder then
  summon_once(waiters, alive)
  return {0, position, ${graceMs}}
end
local recheck = redis.call('PTTL', lock)
if not is_request(holder) and redis.call('HGET', meta, 'owner') ~= holder then
  -- A holder of another library rings nobody when it releases.
  if recheck < 0 or recheck > ${foreignPollMs} then recheck = ${foreignPollMs} end
end
return {0, position, recheck}
`,
  idempotent: true,
  expires: true,
  parse: parseAnswer,
});
