/**
 * Lua: how a lease or an item ends. Each function takes an item that has just left its place; counters change with it.
 * Builds on `states.ts` in `items.ts` and on `ready.ts`.
 */
export const endingsLua = /* lua */ `
local function tell_awaiting(id)
  if m.awaiting == 0 then return false end
  local waiting = redis.call('HGET', awaiting, id)
  if not waiting then return false end
  redis.call('HDEL', awaiting, id)
  m.awaiting = m.awaiting - 1
  for waiter in string.gmatch(waiting, '[^\\n]+') do
    local cut = find(waiter, ' ', 1, true)
    redis.call('PUBLISH', sub(waiter, 1, cut - 1), sub(waiter, cut + 1))
  end
  return true
end
-- The item's fields are erased by the caller; only the outcome takes their place, if anybody wants it.
local function finish(id, status, keep, result)
  -- Whoever was told comes back to read it.
  if tell_awaiting(id) and keep < 60000 then keep = 60000 end
  if keep <= 0 then return end
  write(id, '', '1=' .. status .. ' ' .. int(now) .. ' ' .. int(now + keep) .. ' ' .. result)
  redis.call('ZADD', kept, int(now + keep), id)
end
local function take_cancel(id)
  if m.cancels == 0 or redis.call('HDEL', cancels, id) == 0 then return false end
  m.cancels = m.cancels - 1
  return true
end
local function finish_cancelled(id, keep)
  erase_all(id)
  bump('cancelled', 1)
  finish(id, 'x', keep, '')
end
local function to_dead(id, state, reason)
  redis.call('ZADD', dead, int(now), id)
  write(id, '{d}', '1' .. int(now) .. ' ' .. reason)
  state.token, state.worker = '0', ''
  write_state(id, state)
  bump('died', 1)
  tell_awaiting(id)
end
-- A lease ended without an outcome: back to the front, or to delayed, unless it was cancelled meanwhile.
local function hand_back(id, state, delay, keep)
  if take_cancel(id) then return finish_cancelled(id, keep) end
  state.token, state.worker = '0', ''
  write_state(id, state)
  if delay > 0 then to_delayed(state.place, id, now + delay) else to_ready(state.place, id, true) end
end
-- An emptied level may leave a list of nothing but tombstones behind.
local function drop_stones(level)
  if m.stones == 0 or m[level] > 0 then return end
  m.stones = m.stones - redis.call('LLEN', lists[level])
  redis.call('UNLINK', lists[level])
end
`;
