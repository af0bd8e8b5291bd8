/**
 * Lua: where an item is. A waiting item has no field that says so, which is what keeps it small: what is neither leased,
 * dead nor delayed is ready. `remove_waiting` takes it out of there; in a ready list it leaves a tombstone. Builds on
 * `endings.ts`.
 */
export const locateLua = /* lua */ `
local function locate(id, record)
  local place = match(record, '^1(%a%d+) ')
  local state = read_state(id)
  if state and state.token ~= '0' then return 'leased', place, state end
  if redis.call('ZSCORE', dead, id) then return 'dead', place, state end
  if redis.call('ZSCORE', delayed, place .. ' ' .. id) then return 'delayed', place, state end
  return 'ready', place, state
end
local function remove_waiting(id, where, place, state)
  erase_item(id, state)
  if where == 'delayed' then
    redis.call('ZREM', delayed, place .. ' ' .. id)
  elseif where == 'dead' then
    redis.call('ZREM', dead, id)
  else
    local level = level_of[sub(place, 1, 1)]
    m[level] = math.max(m[level] - 1, 0)
    m.stones = m.stones + 1
    drop_stones(level)
  end
end
`;
