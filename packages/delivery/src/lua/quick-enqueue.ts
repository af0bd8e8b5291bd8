/**
 * Lua: the happy enqueue in one straight line: see `quick-turn.ts`. Runs when all items are new, of one level and
 * without options, and the queue has no limit. Has written nothing when the general one takes over. Builds on
 * `recordLua`, `bucketLua`, `stampLua` and `ringLua`.
 */
export const quickEnqueueLua = /* lua */ `
repeat
  if max_pending ~= '0' or not record or sub(numbers or '', 1, #calm) ~= calm then break end
  local number, who, seen_before = match(record, '^1(%d+) ((%d+) %S+ )')
  local since_seen = now - seen_before
  if number * 1.0 >= seq * 1.0 or since_seen < 0 or since_seen > 30000 then break end
  local between, last_seq, n1, n2, n3, n4 =
    match(numbers, '^(%d+ %d+ %d+ %d+ %d+ %d+ %d+ %d+ %d+) (%d+) (%d+) (%d+) (%d+) (%d+)$', #calm + 1)
  local first, last = fixed_args + 1, #args
  local level = byte(args[first + 1])
  if not between then break end
  local at, count, list = stamp(now), (last - fixed_args) / 3, nil
  local next_seq = last_seq * 1.0 + count
  local new_seq = int(next_seq)
  if level == 110 then list, n3 = normal, int(n3 + count)
  elseif level == 99 then list, n1 = critical, int(n1 + count)
  elseif level == 104 then list, n2 = high, int(n2 + count)
  else list, n4 = low, int(n4 + count) end
  if count == 1 then
    local id, spec = args[first], args[first + 1]
    local key = keys[fixed_keys + byte(spec, 2) - 96]
    if #spec > 2 or redis.call('HEXISTS', key, id) == 1 then break end
    local place = sub(spec, 1, 1) .. new_seq .. ' '
    redis.call('HSET', key, id, '1' .. place .. at .. ' - ' .. args[last])
    redis.call('RPUSH', list, place .. id)
  else
    local letter, rest, taken, plain = sub(args[first + 1], 1, 1), ' ' .. at .. ' - ', {}, true
    local asked, homes, entries, n = {}, {}, {}, 0
    for i = first, last, 3 do
      local id, spec = args[i], args[i + 1]
      if #spec > 2 or byte(spec) ~= level or taken[id] then plain = false break end
      taken[id] = true
      n = n + 1
      local home = byte(spec, 2) - 96
      local ids = asked[home]
      if ids then ids[#ids + 1] = id else asked[home] = { id } end
      homes[n] = home
    end
    if not plain then break end
    for home, ids in pairs(asked) do
      local found = redis.call('HMGET', keys[fixed_keys + home], unpack(ids))
      for i = 1, #ids do
        if type(found[i]) == 'string' then plain = false break end
      end
      asked[home] = {}
    end
    if not plain then break end
    local digits = { [0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' }
    local this = next_seq - count + 1
    local digit = this % 10
    local stem = letter .. (this < 10 and '' or int((this - digit) / 10))
    local arg = first
    for i = 1, count do
      local id, place, fields = args[arg], stem .. digits[digit], asked[homes[i]]
      local size = #fields
      fields[size + 1], fields[size + 2] = id, '1' .. place .. rest .. args[arg + 2]
      entries[i] = place .. ' ' .. id
      arg = arg + 3
      digit = digit + 1
      if digit == 10 then
        digit = 0
        stem = letter .. int((this + i) / 10)
      end
    end
    for home, fields in pairs(asked) do redis.call('HSET', keys[fixed_keys + home], unpack(fields)) end
    redis.call('RPUSH', list, unpack(entries))
  end
  ring(waiters, count)
  local results = string.rep('1', count)
  redis.call('HSET', meta,
    'numbers', calm .. between .. ' ' .. new_seq .. ' ' .. n1 .. ' ' .. n2 .. ' ' .. n3 .. ' ' .. n4,
    '@' .. caller, '1' .. seq .. ' ' .. who .. results)
  do return { 'OK', results } end
until true
`;
