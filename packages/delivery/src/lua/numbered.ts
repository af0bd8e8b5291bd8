/**
 * Lua: a call is numbered by its caller, who has one in flight at a time. Reads the caller's record with `numbers`, by
 * one command. Needs the key `meta` and the argument `caller`.
 */
export const recordLua = /* lua */ `
local numbers, record
do
  local found = redis.call('HMGET', meta, 'numbers', '@' .. caller)
  numbers, record = found[1], type(found[2]) == 'string' and found[2]
end
`;

/**
 * Lua: `repeated` is the stored reply when this very call was executed before; a lower number is a late copy and is
 * refused. `remember(reply)` keeps the reply, which `save()` writes, and now and then forgets callers not seen for
 * longer than any lease of theirs can last.
 *
 * `abandoned` is the reply of an earlier call that its caller never received and gave up. Needs the key `seen`, the
 * arguments `caller` and `seq`, the locals `acked` (the last call whose reply arrived) and `channel`. Builds on
 * {@link recordLua} and `meta.ts`.
 */
export const numberedLua = /* lua */ `
local repeated, abandoned, seen_at = nil, nil, 0
if record then
  local number, at, reply = string.match(record, '^1(%d+) (%d+) %S+ (.*)$')
  number, seen_at = number * 1.0, at * 1.0
  if number > seq * 1.0 then return { 'OLD' } end
  if number == seq * 1.0 then
    repeated = reply
  elseif number > acked * 1.0 then
    abandoned = reply
  end
end
local function forget_callers()
  local unseen = redis.call('ZRANGEBYSCORE', seen, '-inf', int(now - m.vis - 60000), 'LIMIT', 0, 100)
  if #unseen == 0 then return end
  redis.call('ZREM', seen, unpack(unseen))
  for i = 1, #unseen do unseen[i] = '@' .. unseen[i] end
  redis.call('HDEL', meta, unpack(unseen))
end
local function remember(reply)
  if seen_at == 0 or now < seen_at or now > seen_at + 30000 then
    seen_at = now
    redis.call('ZADD', seen, int(now), caller)
    forget_callers()
  end
  own_record = '1' .. seq .. ' ' .. int(seen_at) .. ' ' .. channel .. ' ' .. reply
end
`;
