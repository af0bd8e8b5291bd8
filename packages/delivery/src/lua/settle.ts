import { leaseMark } from './items.ts';

/**
 * Lua: `settle(first, keep)` ends leases; the settlements stand in ARGV from `first` on, to its end. Removing the member
 * `<mark><token> <id>` from `leased` is the fence: exactly the current holder's settlement removes it. Gives a string of one
 * digit per settlement: 1 accepted, 0 refused.
 *
 * A settlement is `c id token` (complete, nothing but record and state to erase), `C id token keepMs result`,
 * `r id token delayMs error`, `d id token reason error` or `b id token delayMs` (back). A result or error that is there
 * starts with `=`. Builds on `endings.ts`, and on `removed` of `quick-turn.ts`.
 */
export const settleLua = /* lua */ `
local widths = { c = 3, C = 5, r = 5, d = 5, b = 4 }
local function fail(id, state, failure)
  state.attempts, state.failures = state.attempts + 1, state.failures + 1
  write(id, '{e' .. int(state.failures % 10) .. '}', '1' .. int(now) .. ' ' .. sub(failure, 2))
  bump('failed', 1)
end
local function complete(id, keep, result)
  take_cancel(id)
  m.completed = m.completed + 1
  if keep > 0 or m.awaiting > 0 then finish(id, 'c', keep, result) end
end
local function settle_one(kind, id, at, keep)
  if kind == 'c' then
    erase(id)
    return complete(id, 0, '')
  end
  if kind == 'C' then
    erase_all(id)
    return complete(id, args[at + 3] * 1.0, args[at + 4])
  end
  local state = read_state(id)
  if not state then return end
  if kind == 'b' then
    state.deliveries = state.deliveries - 1
    return hand_back(id, state, args[at + 3] * 1.0, keep)
  end
  local failure = args[at + 4]
  if take_cancel(id) then
    -- Nothing is written of an item that is erased: the erasure would be sent first.
    if failure ~= '' then bump('failed', 1) end
    return finish_cancelled(id, keep)
  end
  if failure ~= '' then fail(id, state, failure) end
  if kind == 'd' then return to_dead(id, state, args[at + 3]) end
  state.token, state.worker = '0', ''
  write_state(id, state)
  local delay = args[at + 3] * 1.0
  if delay > 0 then to_delayed(state.place, id, now + delay) else to_ready(state.place, id, false) end
end
-- Which of them held, when not all did: the state still shows the token of a lease that has just been removed.
local function held_before(starts, count)
  local held, seen_ids = {}, {}
  for i = 1, count do
    local id = args[starts[i] + 1]
    local state = not seen_ids[id] and read_state(id)
    if state and state.token == args[starts[i] + 2] then
      held[i] = true
      seen_ids[id] = true
    end
  end
  return held
end
local function settle(first, keep)
  local starts, members, at, count = {}, {}, first, 0
  while at <= #args do
    count = count + 1
    starts[count] = at
    members[count] = '${leaseMark}' .. args[at + 2] .. ' ' .. args[at + 1]
    at = at + widths[args[at]]
  end
  if count == 0 then return '' end
  removed = removed or redis.call('ZREM', leased, unpack(members))
  local held = removed < count and (removed == 0 and {} or held_before(starts, count))
  local codes = {}
  for i = 1, count do
    if not held or held[i] then
      settle_one(args[starts[i]], args[starts[i] + 1], starts[i], keep)
      codes[i] = '1'
    else
      codes[i] = '0'
    end
  end
  flush_items()
  return table.concat(codes)
end
`;
