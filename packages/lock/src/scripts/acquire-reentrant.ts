import { defineScript } from '@lockstep/redis';
import { layout, parseAnswer } from '../answer.ts';
import { foreignPollMs, graceMs } from '../timing.ts';
import { fenceLua, lineUpLua, oursLua, queueLua } from './queue.ts';

/**
 * Lua: the holds of a re-entrant owner. The lock lives as long as its longest hold. The including script names the keys
 * `lock` and `holds`.
 */
export const holdsLua = /* lua */ `
local function keep_while_held(key)
  local longest = redis.call('ZREVRANGE', holds, 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIRE', key, int(longest - now))
end
`;

/**
 * As `acquireMutex` for an owner who may hold more than once: `owner` names it, `request` this hold. Nesting waits for
 * nobody and keeps the token. Reply: see `parseAnswer`. Time: the server's.
 */
export const acquireReentrant = defineScript({
  name: 'lock.reentrant.acquire',
  keys: ['lock', 'fence', 'waiters', 'alive', 'gone', 'meta', 'holds'],
  args: ['request', 'owner', 'channel', 'ttl_ms', 'metadata', 'least', 'keep_ms', 'touch', 'exact'],
  include: [queueLua, lineUpLua, fenceLua, oursLua, holdsLua],
  lua: /* lua */ `
local holder = redis.call('GET', lock)
local waiter = channel .. ' ' .. request
local until_ms = int(now + ttl_ms)
local function nested_grant()
  local settled = redis.call('HGET', meta, 'token')
  return {1, settled or redis.call('GET', fence), settled and 1 or 0}
end

local function hold_until()
  local deadline = redis.call('ZSCORE', holds, request)
  if not deadline or deadline * 1.0 < now + ttl_ms then redis.call('ZADD', holds, until_ms, request) end
  keep_while_held(lock)
  keep_while_held(holds)
  keep_while_held(meta)
end

-- Sent again: its sender did not hear of the grant, and counts from now.
if holder == owner and redis.call('ZSCORE', holds, request) then
  hold_until()
  return nested_grant()
end
if redis.call('ZSCORE', gone, request) then return {2} end
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
-- A mutex whose request id somebody gave as an owner's name is not to be nested in.
if holder == owner and redis.call('HGET', meta, 'nests') then
  leave(waiters, alive, waiter)
  hold_until()
  return nested_grant()
end
local first = head(waiters, alive)
if not holder and (not first or first == waiter) then
  if first then leave(waiters, alive, waiter) end
  local token = next_token(fence)
  redis.call('SET', lock, owner, 'PX', ttl_ms)
  redis.call('DEL', holds, meta)
  redis.call('ZADD', holds, until_ms, request)
  redis.call('PEXPIRE', holds, ttl_ms)
  redis.call('HSET', meta, 'layout', '${layout}', 'owner', owner, 'nests', '1',
    'metadata', metadata ~= '' and metadata or '0')
  redis.call('PEXPIRE', meta, ttl_ms)
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
  if recheck < 0 or recheck > ${foreignPollMs} then recheck = ${foreignPollMs} end
end
return {0, position, recheck}
`,
  idempotent: true,
  expires: true,
  parse: parseAnswer,
});
