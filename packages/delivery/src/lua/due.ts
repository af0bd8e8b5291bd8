/**
 * Lua: `work_due(limit, keep)` does what time has made due: expired leases go back (or to the dead letters after
 * `max_deliveries` claims that did not end in a failed attempt), delayed items become ready, items that were not claimed in time end. Costs what is due, not
 * what is stored, and at most `limit` of each; `cut_short` then says that there is more. Builds on `locate.ts`.
 */
export const dueLua = /* lua */ `
local cut_short = false
local function take_due(key, limit)
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', int(now), 'LIMIT', 0, limit)
  if #due > 0 then redis.call('ZREM', key, unpack(due)) end
  if #due == limit * 1 then cut_short = true end
  return due
end
local function reclaim(limit, keep)
  local ended = take_due(leased, limit)
  for i = 1, #ended do
    local id = match(ended[i], '^%d+ (.*)$')
    local state = read_state(id)
    if not state then
      -- Nothing is left of the item to hand back.
    elseif state.deliveries - state.attempts < max_deliveries * 1.0 then
      hand_back(id, state, 0, keep)
    elseif take_cancel(id) then
      finish_cancelled(id, keep)
    else
      to_dead(id, state, 'max-deliveries')
    end
  end
  if #ended > 0 then bump('reclaimed', #ended) end
end
local function promote(limit)
  local entries = take_due(delayed, limit)
  for i = 1, #entries do
    local place, id = match(entries[i], '^(%S+) (.*)$')
    to_ready(place, id, false)
  end
end
local expired = 0
local function count_expired()
  if expired > 0 then bump('expired', expired) end
  expired = 0
end
local function expires_at(record)
  local options = match(record, '^%S+ %S+ (%S+)')
  local moment = match(options, 'e(%d+),')
  return moment and moment * 1.0
end
local function expire(limit, keep)
  local ids = take_due(expiring, limit)
  for i = 1, #ids do
    local record = redis.call('HGET', bucket(ids[i]), ids[i])
    -- The id may have been used again since, with another moment or none.
    local moment = record and sub(record, 2, 2) ~= '=' and expires_at(record)
    if moment and moment <= now then
      local where, place, state = locate(ids[i], record)
      if where == 'ready' or where == 'delayed' then
        remove_waiting(ids[i], where, place, state)
        expired = expired + 1
        finish(ids[i], 'e', keep, '')
      end
    end
  end
  flush_items()
  count_expired()
end
local function find_next_due()
  m.due = 0
  for _, key in ipairs({ delayed, leased, expiring }) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if #first > 0 and (m.due == 0 or first[2] * 1.0 < m.due) then m.due = first[2] * 1.0 end
  end
end
local function work_due(limit, keep)
  if m.due == 0 or now < m.due then return end
  reclaim(limit, keep)
  promote(limit)
  flush_items()
  flush_ready()
  expire(limit, keep)
  find_next_due()
end
`;
