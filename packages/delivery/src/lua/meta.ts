/** A number in `meta`. Totals that change rarely are not loaded but bumped. */
export type MetaField =
  | 'layout'
  | 'partitions'
  | 'paused'
  | 'seq'
  | 'token'
  | 'now'
  | 'clamp'
  | 'due'
  | 'vis'
  | 'share'
  | 'stones'
  | 'cancels'
  | 'awaiting'
  | 'critical'
  | 'high'
  | 'normal'
  | 'low'
  | 'enqueued'
  | 'completed';

/** The live items per level, and how many entries of the lists are tombstones. */
export const levelFields = ['critical', 'high', 'normal', 'low', 'stones'] as const satisfies MetaField[];

/**
 * Lua: `m`, the numbers of `meta` by name (absent: 0), read by one command and written back by `save()`, the changed
 * ones only. Refuses to run on a newer layout, or when the name was first used with another number of partitions.
 * `int(n)` is how a number enters a command or a reply. Needs the key `meta` and the arguments `layout`, `partitions`.
 */
export function metaLua(fields: readonly MetaField[]): string {
  const all = ['layout', 'partitions', ...fields];
  return /* lua */ `
local function int(n) return string.format('%.0f', n) end
local fields = { ${all.map((name) => `'${name}'`).join(', ')} }
local loaded = redis.call('HMGET', meta, unpack(fields))
local m = {}
for i = 1, ${all.length} do
  local value = loaded[i]
  if type(value) == 'string' then value = value * 1.0 else value = 0 end
  loaded[i] = value
  m[fields[i]] = value
end
if m.layout > layout * 1.0 then return { 'LAYOUT', int(m.layout) } end
if m.partitions == 0 then
  m.layout = layout * 1.0
  m.partitions = partitions * 1.0
elseif m.partitions ~= partitions * 1.0 then
  return { 'PARTITIONS', int(m.partitions) }
end
local function save()
  local changes, n = {}, 0
  for i = 1, ${all.length} do
    local name = fields[i]
    if m[name] ~= loaded[i] then
      changes[n + 1], changes[n + 2] = name, int(m[name])
      n = n + 2
    end
  end
  if n > 0 then redis.call('HSET', meta, unpack(changes)) end
end
local function bump(total, by) redis.call('HINCRBY', meta, total, int(by)) end
`;
}

/**
 * Lua: keeps the last time seen. After a step back of more than a second, leases that now seem to last longer than the
 * longest visibility in use would block their items for the length of the step: they are cut to it, a slice per call.
 * Needs `now`, `clamp`, `due` and `vis` in `m`, and the key `leased`.
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
