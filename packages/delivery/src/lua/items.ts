/**
 * Lua: where an item's fields are: the hashes are the keys behind the named ones. Library functions are locals: a claim
 * of a hundred items looks them up a thousand times.
 */
export const bucketLua = /* lua */ `
local sub, find, byte, match = string.sub, string.find, string.byte, string.match
local keys, args = KEYS, ARGV
local function bucket(id)
  local before, last = byte(id, -2, -1)
  -- An id of one byte has no byte before the last.
  if not last then before, last = 0, before end
  return keys[fixed_keys + 1 + (last + 3 * before + #id) % 16]
end
local function gather(batches, key)
  local batch = batches[key]
  if not batch then
    batch = {}
    batches[key] = batch
  end
  return batch
end
`;

/** Lua: `stamp(moment)` is a moment in the 13 digits that a record has for it. */
export const stampLua = /* lua */ `
local function stamp(moment)
  local text = int(moment)
  return string.rep('0', 13 - #text) .. text
end
`;

/**
 * Lua: writes are collected per hash, so that a batch costs a command per hash and not per item; `flush_items()` sends
 * them and must come before anything that reads them again. Lua unpacks no more than some 7,900 values, and a turn may
 * end more items of one hash than that has fields for. Builds on {@link bucketLua}.
 */
export const writesLua = /* lua */ `
local gone, written = {}, {}
local function write(id, field, value)
  local batch = gather(written, bucket(id))
  local n = #batch
  batch[n + 1], batch[n + 2] = id .. field, value
end
local function erase(id)
  local batch = gather(gone, bucket(id))
  local n = #batch
  batch[n + 1], batch[n + 2] = id, id .. '{s}'
end
local function erase_all(id)
  erase(id)
  local batch = gather(gone, bucket(id))
  local n = #batch
  batch[n + 1], batch[n + 2], batch[n + 3], batch[n + 4] = id .. '{p}', id .. '{c}', id .. '{r}', id .. '{d}'
  for i = 0, 9 do batch[n + 5 + i] = id .. '{e' .. i .. '}' end
end
-- Of an item that was never claimed nothing else can be stored.
local function erase_item(id, was_claimed)
  if was_claimed then erase_all(id) else erase(id) end
end
-- The commands stand in a line of their own, by which a missing permission is told.
local function send_erasure(...) redis.call('HDEL', ...) end
local function send_write(...) redis.call('HSET', ...) end
local function send_all(send, batches)
  for key, batch in pairs(batches) do
    local n = #batch
    for first = 1, n, 4000 do send(key, unpack(batch, first, math.min(first + 3999, n))) end
  end
end
local function flush_items()
  send_all(send_erasure, gone)
  send_all(send_write, written)
  gone, written = {}, {}
end
`;

/**
 * What a member of `leased` begins with. Redis keeps a sorted set of up to 128 short members as a list and walks it for
 * every one; with a member of more than 64 bytes it never does.
 */
export const leaseMark = '0'.repeat(47);

/** Lua: the state of a claimed item, as a table. Builds on {@link writesLua}. */
export const statesLua = /* lua */ `
local function read_state(id)
  local state = redis.call('HGET', bucket(id), id .. '{s}')
  if not state then return nil end
  local place, token, deliveries, attempts, failures, worker =
    match(state, '^1(%a%d+) (%d+) (%d+) (%d+) (%d+) (.*)$')
  return {
    place = place, token = token, worker = worker,
    deliveries = deliveries * 1.0, attempts = attempts * 1.0, failures = failures * 1.0,
  }
end
local function write_state(id, state)
  write(id, '{s}', '1' .. state.place .. ' ' .. state.token .. ' ' .. int(state.deliveries) .. ' '
    .. int(state.attempts) .. ' ' .. int(state.failures) .. ' ' .. state.worker)
end
`;
