/**
 * The numbers of the field `numbers` of `meta`, in their order. Totals that change rarely are fields of their own. A
 * script reads them with one command, and a happy turn needs few of them as numbers: the rest goes back as it came.
 * What is 0 in a happy turn comes first, so that one comparison tells.
 */
export const numberNames = [
  'layout',
  'partitions',
  'paused',
  'clamp',
  'cancels',
  'awaiting',
  'stones',
  'vis',
  'token',
  'now',
  'due',
  'completed',
  'share',
  'seq',
  'critical',
  'high',
  'normal',
  'low',
] as const;

/** Layout and partitions, and that the queue is neither paused nor about to cut leases: how `numbers` then begin. */
export function calmStart(layout: number, partitions: number): string {
  return `${layout} ${partitions} 0 0 `;
}

/**
 * Lua: the numbers as text, `numbers`, if there are any; needs the key `meta`. {@link numberedLua} reads them itself,
 * together with the record of its caller.
 */
export const loadLua = /* lua */ `
local numbers = redis.call('HGET', meta, 'numbers')
`;

/**
 * Lua: `m`, the numbers by name (absent: 0), written back by `save()` if they changed, with the caller's record if
 * `remember` made one. Refuses to run on a newer layout, or when the name was first used with another number of
 * partitions. Needs the key `meta`, the argument `calm` and what {@link loadLua} gives.
 */
export const metaLua = /* lua */ `
local names = { ${numberNames.map((name) => `'${name}'`).join(', ')} }
local m, texts, own_record = {}, {}, nil
do
  local n = 0
  if type(numbers) == 'string' then
    for text in string.gmatch(numbers, '%S+') do
      n = n + 1
      texts[n] = text
      if n <= ${numberNames.length} then m[names[n]] = text * 1.0 end
    end
  end
  for i = n + 1, ${numberNames.length} do m[names[i]], texts[i] = 0, '0' end
end
local loaded = {}
for i = 1, ${numberNames.length} do loaded[i] = m[names[i]] end
do
  local layout, partitions = string.match(calm, '^(%d+) (%d+)')
  if m.layout > layout * 1.0 then return { 'LAYOUT', int(m.layout) } end
  if m.partitions == 0 then
    m.layout = layout * 1.0
    m.partitions = partitions * 1.0
  elseif m.partitions ~= partitions * 1.0 then
    return { 'PARTITIONS', int(m.partitions) }
  end
end
local function save()
  local changed = false
  for i = 1, ${numberNames.length} do
    local value = m[names[i]]
    if value ~= loaded[i] then texts[i], changed = int(value), true end
  end
  if own_record then
    redis.call('HSET', meta, 'numbers', table.concat(texts, ' '), '@' .. caller, own_record)
  elseif changed then
    redis.call('HSET', meta, 'numbers', table.concat(texts, ' '))
  end
end
local function bump(total, by) redis.call('HINCRBY', meta, total, int(by)) end
`;

/**
 * Lua: keeps the last time seen. After a step back of more than a second, leases that now seem to last longer than the
 * longest visibility in use would block their items for the length of the step: they are cut to it, a slice per call.
 * Needs `m`, and the key `leased`.
 */
export const clockLua = /* lua */ `
if m.now > now + 1000 then
  m.clamp = 1
  bump('steps', 1)
end
m.now = now
if m.clamp == 1 then
  local latest = now + m.vis
  local beyond = redis.call('ZRANGEBYSCORE', leased, '(' .. int(latest), '+inf', 'LIMIT', 0, 1000)
  for i = 1, #beyond do redis.call('ZADD', leased, int(latest), beyond[i]) end
  if #beyond < 1000 then m.clamp = 0 end
  if #beyond > 0 and (m.due == 0 or latest < m.due) then m.due = latest end
end
`;
