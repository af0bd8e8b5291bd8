import { defineScript } from '@lockstep/redis';
import { gone, layout, parseAnswer } from '../answer.ts';
import { graceMs } from '../timing.ts';
import { againLua, lineUpLua, queueLua } from './queue.ts';

/**
 * Several locks or none: six keys of each (lock, fence, waiters, alive, gone, meta) in KEYS. A refused request joins all
 * lines in one step, so that any two such requests stand in the same order wherever they meet and cannot block each
 * other. All locks get one token, above the last of each. Otherwise as `acquireMutex`.
 */
export const acquireAll = defineScript({
  name: 'lock.acquire-all',
  keys: [],
  args: ['owner', 'channel', 'ttl_ms', 'metadata', 'least', 'keep_ms', 'exact'],
  include: [queueLua, lineUpLua, againLua],
  lua: /* lua */ `
local total = #KEYS / 6
local waiter = channel .. ' ' .. owner
local held, free, standing, wait = 0, true, 0, -1
local token = math.max(now_us, least * 1.0)

for i = 1, total do
  local k = (i - 1) * 6
  local holder = redis.call('GET', KEYS[k + 1])
  if holder == owner then
    held = held + 1
  elseif holder then
    free = false
    wait = math.max(wait, redis.call('PTTL', KEYS[k + 1]))
  end
end
if held == total then
  for i = 1, total do
    local k = (i - 1) * 6
    lengthen(KEYS[k + 1], ttl_ms)
    if metadata ~= '' then lengthen(KEYS[k + 6], ttl_ms) end
  end
  return {1, redis.call('GET', KEYS[2])}
end
if held > 0 then return {${gone}} end
for i = 1, total do
  local k = (i - 1) * 6
  if redis.call('ZSCORE', KEYS[k + 5], owner) then return {${gone}} end
  local found = redis.call('HGET', KEYS[k + 6], 'layout')
  if found and found * 1.0 > ${layout} then return {3, found} end
  local first = head(KEYS[k + 3], KEYS[k + 4])
  if first and first ~= waiter then free = false end
  if redis.call('ZSCORE', KEYS[k + 4], waiter) then standing = standing + 1 end
  local stored = redis.call('GET', KEYS[k + 2])
  if stored then token = math.max(token, stored + 1.0) end
end
if free then
  token = int(token)
  for i = 1, total do
    local k = (i - 1) * 6
    if standing > 0 then leave(KEYS[k + 3], KEYS[k + 4], waiter) end
    if keep_ms == '0' then redis.call('SET', KEYS[k + 2], token)
    else redis.call('SET', KEYS[k + 2], token, 'PX', keep_ms) end
    redis.call('SET', KEYS[k + 1], owner, 'PX', ttl_ms)
    if metadata ~= '' then
      redis.call('HSET', KEYS[k + 6], 'layout', '${layout}', 'owner', owner, 'metadata', metadata)
      redis.call('PEXPIRE', KEYS[k + 6], ttl_ms)
    end
  end
  return {1, token}
end
local position = 0
for i = 1, total do
  local k = (i - 1) * 6
  if channel ~= '' then
    -- Dropped from one line: a place kept in another would break the common order.
    if standing < total then leave(KEYS[k + 3], KEYS[k + 4], waiter) end
    position = math.max(position, line_up(KEYS[k + 3], KEYS[k + 4], waiter))
  end
  if redis.call('EXISTS', KEYS[k + 1]) == 0 and head(KEYS[k + 3], KEYS[k + 4]) ~= waiter then
    summon_once(KEYS[k + 3], KEYS[k + 4])
  end
end
if wait < 0 then wait = ${graceMs} end
return {0, position, int(wait)}
`,
  idempotent: true,
  expires: true,
  parse: parseAnswer,
});
