import { graceMs, lookoutCandidates, lookoutMs, patienceMs } from '../timing.ts';

/**
 * Lua: the line of waiters in front of a lock. A waiter is `<channel of its process> <bell>`; it stands in the list
 * `waiters` from its first refusal to its grant, and its lease in the sorted set `alive` says how long it counts
 * without a sign of life. Only the first live waiter may take what is free. ` <waiter>` in `alive` notes of a lookout
 * until when it need not be told again: no waiter begins with a space.
 *
 * Scripts that include this name the argument `exact`: `1` where PUBLISH counts every receiver, `0` on Cluster.
 */
export const queueLua = /* lua */ `
local grace_ms = ${graceMs}.0

local function call_on(waiter, suffix)
  local cut = string.find(waiter, ' ', 1, true)
  return redis.call('PUBLISH', string.sub(waiter, 1, cut - 1), string.sub(waiter, cut + 1) .. suffix)
end

local function note_of(waiter)
  return ' ' .. waiter
end

local function leave(waiters, alive, waiter)
  redis.call('LREM', waiters, 1, waiter)
  redis.call('ZREM', alive, waiter, note_of(waiter))
end

-- The first waiter whose lease runs, and the end of that; the dead before it are dropped, each once, so the loop is paid
-- for by their coming.
local function head(waiters, alive)
  while true do
    local first = redis.call('LINDEX', waiters, 0)
    if not first then return false end
    local lease = redis.call('ZSCORE', alive, first)
    if lease and lease * 1.0 > now then return first, lease * 1.0 end
    redis.call('LPOP', waiters)
    redis.call('ZREM', alive, first, note_of(first))
  end
end

-- One of those behind the first: whoever was heard of last, as it is the likeliest not to be frozen itself; of another
-- process than the first, if there is one.
local function choose_lookout(alive, first)
  local channel = string.match(first, '^[^ ]+ ')
  local latest = redis.call('ZREVRANGE', alive, 0, ${lookoutCandidates - 1})
  local chosen = false
  for i = 1, #latest do
    local waiter = latest[i]
    if waiter ~= first and string.byte(waiter) ~= 32 then
      if string.sub(waiter, 1, #channel) ~= channel then return waiter end
      chosen = chosen or waiter
    end
  end
  return chosen
end

-- Tells ('+') a lookout to look after the grace, unless it was told so short a time ago that its look will do. A message
-- for each hand-off of a busy lock would cost more than all else of it.
local function post_lookout(alive, first)
  local chosen = choose_lookout(alive, first)
  if not chosen then return end
  local told_until = redis.call('ZSCORE', alive, note_of(chosen))
  if told_until and told_until * 1.0 > now then return end
  call_on(chosen, '+')
  redis.call('ZADD', alive, int(now + ${lookoutMs}), note_of(chosen))
end

-- Rings the first live waiter. One whose process is gone is dropped where PUBLISH tells; one that is frozen has the
-- grace to come. Whoever looks after that finds it dropped, and rings the next in the same way.
local function summon(waiters, alive)
  local first, lease = head(waiters, alive)
  while first do
    if call_on(first, '') > 0 or exact == '0' then
      if lease > now + grace_ms then redis.call('ZADD', alive, int(now + grace_ms), first) end
      post_lookout(alive, first)
      return
    end
    leave(waiters, alive, first)
    first, lease = head(waiters, alive)
  end
end

-- As summon, unless the first one has been rung already and is on its way.
local function summon_once(waiters, alive)
  local first, lease = head(waiters, alive)
  if first and lease > now + grace_ms then summon(waiters, alive) end
end
`;

/**
 * Lua: a request that comes again although it was granted. Its sender did not hear of the grant and counts from this
 * sending, so the lease must last as long from now; it is never shortened, as an `extend` may have gone further.
 */
export const againLua = /* lua */ `
local function lengthen(key, ttl_ms)
  if redis.call('PTTL', key) < ttl_ms * 1.0 then redis.call('PEXPIRE', key, ttl_ms) end
end
`;

/** Lua: entering the line. */
export const lineUpLua = /* lua */ `
-- Puts the waiter at the end, or leaves it where it stands; its lease runs from now. Returns its position, from 1. The
-- fraction of the lease orders those of one millisecond by their places: whoever came last was heard of last.
local function line_up(waiters, alive, waiter)
  local position = redis.call('ZSCORE', alive, waiter) and redis.call('LPOS', waiters, waiter)
  if position then position = position + 1 else position = redis.call('RPUSH', waiters, waiter) end
  local place = string.sub(int(1000 + math.min(position, 999)), 2)
  redis.call('ZADD', alive, int(now + ${patienceMs}) .. '.' .. place, waiter)
  redis.call('PEXPIRE', waiters, '${2 * patienceMs}')
  redis.call('PEXPIRE', alive, '${2 * patienceMs}')
  return position
end
`;

/**
 * Lua: fencing tokens. The including script names the arguments `least` (a token that the new one must not be below),
 * `keep_ms` (how long the counter is kept, `0` for ever) and `touch` (`1`: say so again for a counter that is there).
 */
export const fenceLua = /* lua */ `
-- Above the last one, and never behind the server's clock in microseconds: so it also rises when the counter was lost.
-- INCRBY leaves the counter's expiry alone, which SET would have to write each time.
local function next_token(fence)
  local floor = math.max(now_us, least * 1.0)
  local stored = redis.call('GET', fence)
  if not stored then
    local text = int(floor)
    if keep_ms == '0' then redis.call('SET', fence, text) else redis.call('SET', fence, text, 'PX', keep_ms) end
    return text
  end
  local token = redis.call('INCRBY', fence, int(math.max(floor - stored * 1.0, 1)))
  if touch == '1' then
    if keep_ms == '0' then redis.call('PERSIST', fence) else redis.call('PEXPIRE', fence, keep_ms) end
  end
  return int(token)
end
`;

/**
 * Lua: requests that are over. The score is the time until which the request is refused; its fraction tells how the
 * request ended (.5 released, .0 anything else), so that a repeated release can give the first answer.
 */
export const goneLua = /* lua */ `
local function finish(gone, request, for_ms, released)
  redis.call('ZADD', gone, int(now + for_ms) .. (released and '.5' or ''), request)
  redis.call('ZREMRANGEBYSCORE', gone, '-inf', int(now))
  -- Longer than any entry asks for: none outlives the key.
  if redis.call('PTTL', gone) < for_ms * 1.0 then redis.call('PEXPIRE', gone, int(for_ms * 2.0)) end
end

local function was_released(gone, request)
  local ended = redis.call('ZSCORE', gone, request)
  return ended and ended * 1.0 % 1 > 0
end
`;

/** Lua: whether a lock's owner is a request of ours. Other libraries write random hex, a UUID or base 36. */
export const oursLua = /* lua */ `
local function is_request(owner)
  return string.find(owner, '^[%w_-]+~[%w_-]+~%w+$')
end
`;
