/**
 * Lua: into the ready lists and into delayed. Pushes are collected and sent by `flush_ready()`; counters change at
 * once. `made` counts what became ready, `sooner` says that something is due earlier than any sleeper knows: both are
 * reasons to ring. A place is `<level><seq>`. Builds on `items.ts` and `meta.ts`.
 */
export const readyLua = /* lua */ `
local level_of = { c = 'critical', h = 'high', n = 'normal', l = 'low' }
local lists = { critical = critical, high = high, normal = normal, low = low }
local made, sooner = 0, false
local front, back = {}, {}
local function due_at(moment)
  if m.due == 0 or moment < m.due then
    m.due = moment
    sooner = true
  end
end
local function to_ready(place, id, first)
  local level = level_of[sub(place, 1, 1)]
  local batch = gather(first and front or back, level)
  batch[#batch + 1] = place .. ' ' .. id
  m[level] = m[level] + 1
  made = made + 1
end
local function flush_ready()
  for level, batch in pairs(back) do redis.call('RPUSH', lists[level], unpack(batch)) end
  for level, batch in pairs(front) do
    -- LPUSH reverses: the batch goes in backwards to come out in order.
    local n = #batch
    for i = 1, n / 2 do batch[i], batch[n + 1 - i] = batch[n + 1 - i], batch[i] end
    redis.call('LPUSH', lists[level], unpack(batch))
  end
  front, back = {}, {}
end
local function to_delayed(place, id, moment)
  redis.call('ZADD', delayed, int(moment), place .. ' ' .. id)
  due_at(moment)
end
`;
