import { leaseMark } from './items.ts';

/**
 * Lua: `claim(want)` leases up to `want` items to `caller`: strictly by level, except that one claim in `lower_share`
 * goes to the oldest item of the lower levels. Fills `claimed` with three entries per item: id, record, and its state,
 * of which an item that was never claimed before only has the token; and `claimed_ids`. Tombstones are skipped, a
 * thousand at most, and expired items end on the way, which costs five times as much; `cut_short` then says that there
 * is more. Builds on `due.ts`, and on `popped` of `quick-turn.ts`.
 *
 * Tokens are microseconds of server time, or the last one plus one: they rise even when the counter was lost.
 */
export const claimLua = /* lua */ `
local claimed, claimed_ids, leases, skipped = {}, {}, {}, 0
local first_token
local deadlines = {}
local function deadline_in(length)
  local deadline = deadlines[length]
  if not deadline then
    deadline = int(now + length)
    deadlines[length] = deadline
    if length > m.vis then m.vis = length end
    due_at(now + length)
  end
  return deadline
end
local function lease_length(record, options_at)
  -- A hyphen: no options, which is all that most records cost.
  if byte(record, options_at) == 45 then return lease_ms * 1.0, nil end
  local own = match(record, '^%S+ %S+ %S*v(%d+),')
  return (forced == '0' and own or lease_ms) * 1.0, expires_at(record)
end
-- Gives 1, or 0 when the item ended instead: nobody had claimed it in time.
local function lease(id, place, key, record, state)
  -- After the mark and the place with its space: 13 digits of time and a space; then the options.
  local length, moment = lease_length(record, #place + 16)
  if moment and moment <= now then
    expired = expired + 1
    erase_item(id, type(state) == 'string')
    finish(id, 'e', keep_ms * 1.0, '')
    return 0
  end
  m.token = m.token + 1
  local token = int(m.token)
  local shown = token
  if type(state) == 'string' then
    local deliveries, rest = match(state, '^%S+ %d+ (%d+) (%d+ %d+)')
    state = '1' .. place .. token .. ' ' .. int(deliveries + 1.0) .. ' ' .. rest .. ' ' .. caller
    shown = state
  else
    state = '1' .. place .. token .. ' 1 0 0 ' .. caller
  end
  local n = #claimed_ids
  claimed_ids[n + 1] = id
  claimed[3 * n + 1], claimed[3 * n + 2], claimed[3 * n + 3] = id, record, shown
  leases[2 * n + 1], leases[2 * n + 2] = deadline_in(length), '${leaseMark}' .. token .. ' ' .. id
  local batch = gather(written, key)
  local size = #batch
  batch[size + 1], batch[size + 2] = id .. '{s}', state
  return 1
end
-- Leases what is alive of some entries; gives how many.
local function lease_entries(level, entries)
  local ids, places, homes, at = {}, {}, {}, {}
  local asked, found = {}, {}
  for i = 1, #entries do
    local cut = find(entries[i], ' ', 1, true)
    local id = sub(entries[i], cut + 1)
    local key = bucket(id)
    local fields = gather(asked, key)
    local n = #fields
    fields[n + 1], fields[n + 2] = id, id .. '{s}'
    ids[i], places[i], homes[i], at[i] = id, sub(entries[i], 1, cut), key, n + 1
  end
  for key, fields in pairs(asked) do found[key] = redis.call('HMGET', key, unpack(fields)) end
  local count = 0
  for i = 1, #entries do
    local fields = found[homes[i]]
    local record = fields[at[i]]
    if type(record) == 'string' and find(record, places[i], 2, true) == 2 then
      m[level] = math.max(m[level] - 1, 0)
      local got = lease(ids[i], places[i], homes[i], record, fields[at[i] + 1])
      count, skipped = count + got, skipped + 5 * (1 - got)
    else
      m.stones = m.stones - 1
      skipped = skipped + 1
    end
  end
  return count
end
local function take(level, count)
  while count > 0 and m[level] > 0 do
    if skipped >= 1000 then
      cut_short = true
      break
    end
    local entries = popped or redis.call('LPOP', lists[level], int(math.min(count, 200)))
    popped = nil
    if not entries then
      m[level] = 0
      break
    end
    count = count - lease_entries(level, entries)
  end
  drop_stones(level)
end
local order = { 'critical', 'high', 'normal', 'low' }
local function oldest_below(top)
  local level, oldest
  for i = top + 1, 4 do
    local head = m[order[i]] > 0 and redis.call('LINDEX', lists[order[i]], 0)
    local seq_of = head and match(head, '^%a(%d+)') * 1.0
    if seq_of and (not oldest or seq_of < oldest) then level, oldest = order[i], seq_of end
  end
  return level
end
-- How many of the next claims go below the highest level that has work.
local function share_below(top, want)
  local below = 0
  for i = top + 1, 4 do below = below + m[order[i]] end
  local every = lower_share * 1.0
  if every == 0 or below == 0 then return 0 end
  local passed = m.share + want
  m.share = passed % every
  return math.min((passed - m.share) / every, below)
end
local function claim(want)
  local top = 1
  while top <= 4 and m[order[top]] == 0 do top = top + 1 end
  if top > 4 or want == 0 then return end
  first_token = math.max(m.token + 1, now_us)
  m.token = first_token - 1
  for _ = 1, share_below(top, want) do take(oldest_below(top) or order[top], 1) end
  for i = top, 4 do take(order[i], want - #claimed_ids) end
  if #leases > 0 then redis.call('ZADD', leased, unpack(leases)) end
  flush_items()
  count_expired()
end
`;
