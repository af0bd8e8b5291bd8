/**
 * Lua: permits under leases. `holders` maps a holder to its deadline; `extras` tells what it has beyond one permit, and
 * its metadata, as `<more> <metadata>`; `wants` tells the same of waiters, as `<count> <permits>`. Scripts that include
 * this name those keys. Only a holder whose deadline is to come counts, so each script begins
 * with `drop_expired`.
 */
export const permitsLua = /* lua */ `
-- Before anything is counted: those whose time is over, and what extras tells of anyone who is not there.
local function drop_expired()
  local dropped = redis.call('ZREMRANGEBYSCORE', holders, '-inf', int(now))
  if redis.call('ZCARD', holders) == 0 then
    redis.call('DEL', extras)
  elseif dropped > 0 then
    local told = redis.call('HKEYS', extras)
    for i = 1, #told do
      if not redis.call('ZSCORE', holders, told[i]) then redis.call('HDEL', extras, told[i]) end
    end
  end
end

local function in_use()
  local used = redis.call('ZCARD', holders) * 1.0
  local more = redis.call('HVALS', extras)
  for i = 1, #more do used = used + string.match(more[i], '^%d+') end
  return used
end

-- Both keys go with the last holder.
local function keep_while_held()
  local longest = redis.call('ZREVRANGE', holders, 0, 0, 'WITHSCORES')[2]
  if longest and longest * 1.0 > now then
    redis.call('PEXPIRE', holders, int(longest - now))
    redis.call('PEXPIRE', extras, int(longest - now))
  else
    redis.call('DEL', holders, extras)
  end
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
