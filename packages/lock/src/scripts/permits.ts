/**
 * Lua: permits under leases. `holders` maps a holder to its deadline; `extras` tells what it has beyond one permit, and
 * its metadata, as `<more> <metadata>`; `wants` tells the same of waiters, as `<count> <permits>`. Scripts that include
 * this name those keys.
 */
export const permitsLua = /* lua */ `
local function give_back(holder)
  redis.call('ZREM', holders, holder)
  redis.call('HDEL', extras, holder)
end

local function drop_expired()
  local over = redis.call('ZRANGEBYSCORE', holders, '-inf', int(now), 'LIMIT', 0, 100)
  for i = 1, #over do give_back(over[i]) end
end

local function in_use()
  local used = redis.call('ZCARD', holders) * 1.0
  local more = redis.call('HVALS', extras)
  for i = 1, #more do used = used + string.match(more[i], '^%d+') end
  return used
end

local function keep_while_held(key)
  local longest = redis.call('ZREVRANGE', holders, 0, 0, 'WITHSCORES')[2]
  if longest then redis.call('PEXPIRE', key, int(longest - now)) end
end

-- Rings the first waiter if what is free is enough for it: a writer is not rung for each reader that leaves.
local function summon_fitting(once)
  local first = head(waiters, alive)
  if not first then
    redis.call('DEL', wants)
    return
  end
  local want = redis.call('HGET', wants, first) or '1 1'
  local count, of = string.match(want, '^(%d+) (%d+)$')
  if in_use() + count > of * 1.0 then return end
  if once then summon_once(waiters, alive) else summon(waiters, alive) end
end
`;
