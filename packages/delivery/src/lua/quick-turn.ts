import { leaseMark } from './items.ts';

/**
 * Lua: the happy turn in one straight line, which costs a third of the general one: that makes some fifty functions
 * over a hundred locals before it does anything. Runs when nothing is due, cancelled, awaited or out of order, all
 * settlements are plain completions, and what is claimed stands in one level, has no options and was never claimed. It
 * writes what the general turn would write.
 *
 * Else the general turn goes on, with what is done by then: `removed`, how many leases were taken out of `leased`, and
 * `popped`, entries taken out of their list. Nothing else has been written by that time. Builds on `recordLua`
 * and `bucketLua`.
 */
export const quickTurnLua = /* lua */ `
local removed, popped
repeat
  if byte(flags) ~= 48 or not record or sub(numbers or '', 1, #calm) ~= calm then break end
  local number, who, seen_before = match(record, '^1(%d+) ((%d+) %S+ )')
  local vis, token, before, due, completed, between, n1, n2, n3, n4 =
    match(numbers, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+ %d+) (%d+) (%d+) (%d+) (%d+)$', #calm + 1)
  if number ~= acked or not vis or now < before * 1.0 then break end
  local since_seen = now - seen_before
  if since_seen < 0 or since_seen > 30000 then break end
  local due_in = -1
  if due ~= '0' then
    due_in = due - now
    if due_in <= 0 then break end
  end
  local first, last = fixed_args + 1, #args
  local plain = true
  for i = first, last, 3 do
    if args[i] ~= 'c' then plain = false end
  end
  local list, live
  if n3 ~= '0' then list, live = normal, n3 end
  if n1 ~= '0' then plain, list, live = plain and not list, critical, n1 end
  if n2 ~= '0' then plain, list, live = plain and not list, high, n2 end
  if n4 ~= '0' then plain, list, live = plain and not list, low, n4 end
  if not plain then break end
  local asked, length = want * 1.0, lease_ms * 1.0
  local waiting = list and live * 1.0 or 0
  -- A bell that was answered is passed on if work is left.
  if waiting > 0 and waiting > asked and byte(flags, 2) == 49 then break end
  if asked <= 0 then list = nil end
  -- Sleepers must hear of a lease that ends sooner than anything they know of.
  if list and (due == '0' or length < due_in or (vis ~= lease_ms and length > vis * 1.0)) then break end
  local count = (last - fixed_args) / 3
  if count == 1 then
    removed = redis.call('ZREM', leased, '${leaseMark}' .. args[last] .. ' ' .. args[last - 1])
  elseif count > 1 then
    local members, n = {}, 0
    for i = first, last, 3 do
      n = n + 1
      members[n] = '${leaseMark}' .. args[i + 2] .. ' ' .. args[i + 1]
    end
    removed = redis.call('ZREM', leased, unpack(members))
  end
  if removed and removed ~= count then break end
  local got = 0
  if list then
    popped = redis.call('LPOP', list, want)
    got = popped and #popped or 0
    if got == 0 or got > waiting then break end
  end
  local now_text, token_text, ids = nil, nil, ''
  local reply = { 'OK', due_in, '0', count == 0 and '-' or string.rep('1', count) }
  if got > 0 then
    local issued = math.max(token + 1.0, now_us)
    token_text = int(issued)
    if issued == now_us then now_text = sub(token_text, 1, -4) end
    token = token_text
  end
  if got == 1 then
    local cut = find(popped[1], ' ', 1, true)
    local place, id = sub(popped[1], 1, cut), sub(popped[1], cut + 1)
    local key = bucket(id)
    local found = redis.call('HMGET', key, id, id .. '{s}')
    local item = found[1]
    if type(item) ~= 'string' or type(found[2]) == 'string' then break end
    if byte(item, cut + 16) ~= 45 or sub(item, 2, cut + 1) ~= place then break end
    redis.call('HSET', key, id .. '{s}', '1' .. place .. token .. ' 1 0 0 ' .. caller)
    redis.call('ZADD', leased, int(now + length), '${leaseMark}' .. token .. ' ' .. id)
    reply = { 'OK', due_in, '0', reply[4], id, item, token }
    ids = id
  elseif got > 1 then
    local names, places, homes, at, asked_of, found_in = {}, {}, {}, {}, {}, {}
    for i = 1, got do
      local entry = popped[i]
      local cut = find(entry, ' ', 1, true)
      local id = sub(entry, cut + 1)
      local key = bucket(id)
      local fields = gather(asked_of, key)
      local n = #fields + 1
      fields[n], fields[n + 1] = id, id .. '{s}'
      names[i], places[i], homes[i], at[i] = id, sub(entry, 1, cut), key, n
    end
    for key, fields in pairs(asked_of) do found_in[key] = redis.call('HMGET', key, unpack(fields)) end
    for i = 1, got do
      local found, n, place = found_in[homes[i]], at[i], places[i]
      local item = found[n]
      if type(item) ~= 'string' or type(found[n + 1]) == 'string' then plain = false break end
      if byte(item, #place + 16) ~= 45 or find(item, place, 2, true) ~= 2 then plain = false break end
      reply[3 * i + 2], reply[3 * i + 3] = names[i], item
    end
    if not plain then break end
    local deadline, leases = int(now + length), {}
    local digit = token_text % 10
    local stem = sub(token_text, 1, -2)
    local states = asked_of
    for i = 1, got do
      local id = names[i]
      local fields, n = states[homes[i]], at[i]
      token = stem .. sub('0123456789', digit + 1, digit + 1)
      fields[n], fields[n + 1] = fields[n + 1], '1' .. places[i] .. token .. ' 1 0 0 ' .. caller
      leases[2 * i - 1], leases[2 * i] = deadline, '${leaseMark}' .. token .. ' ' .. id
      reply[3 * i + 4] = token
      digit = digit + 1
      if digit == 10 then
        digit = 0
        stem = int(stem + 1.0)
      end
    end
    for key, fields in pairs(states) do redis.call('HSET', key, unpack(fields)) end
    redis.call('ZADD', leased, unpack(leases))
    ids = table.concat(names, '\\n')
  end
  if count == 1 then
    local id = args[last - 1]
    redis.call('HDEL', bucket(id), id, id .. '{s}')
  elseif count > 1 then
    local over = {}
    for i = first, last, 3 do
      local id = args[i + 1]
      local fields = gather(over, bucket(id))
      local n = #fields
      fields[n + 1], fields[n + 2] = id, id .. '{s}'
    end
    for key, fields in pairs(over) do redis.call('HDEL', key, unpack(fields)) end
  end
  if got < asked and waiter ~= '' then
    if redis.call('RPUSH', waiters, waiter) > 4096 then redis.call('LPOP', waiters) end
  end
  if count > 0 then completed = int(completed + count) end
  if got > 0 then
    local rest = int(waiting - got)
    if n3 ~= '0' then n3 = rest elseif n1 ~= '0' then n1 = rest elseif n2 ~= '0' then n2 = rest else n4 = rest end
  end
  redis.call('HSET', meta, 'numbers', calm .. vis .. ' ' .. token .. ' ' .. (now_text or int(now)) .. ' ' .. due .. ' '
    .. completed .. ' ' .. between .. ' ' .. n1 .. ' ' .. n2 .. ' ' .. n3 .. ' ' .. n4,
    '@' .. caller, '1' .. seq .. ' ' .. who .. reply[4] .. '\\n' .. (token_text or '0') .. '\\n' .. ids)
  if got < 2 then return reply end
  do return { unpack(reply) } end
until true
`;
