import { defineScript } from '@lockstep/redis';

/**
 * Lua: `fence_admits(key, fencing_token)` says whether a token is as large as any seen at `key`, and remembers it. For
 * scripts of one's own: include it and write only if it returns true. The token's key must share a slot with what is
 * written.
 */
export const fenceGuardLua = /* lua */ `
local function fence_admits(key, fencing_token)
  local seen = redis.call('GET', key)
  if seen and seen * 1.0 > fencing_token * 1.0 then return false end
  if not seen or seen * 1.0 < fencing_token * 1.0 then redis.call('SET', key, fencing_token) end
  return true
end
`;

/** What came of a guarded write. */
export type FencedReply = { readonly admitted: true } | { readonly admitted: false; readonly seen: number };

/**
 * Writes `body` (deletes when it is empty) unless a larger token has been seen. `ttl_ms` 0: no expiry of the value. After
 * its deadline it does not run: a write that was given up must not overwrite what was decided instead.
 */
export const fencedWrite = defineScript({
  name: 'lock.fenced.write',
  keys: ['value', 'token'],
  args: ['fencing_token', 'body', 'ttl_ms'],
  include: [fenceGuardLua],
  lua: /* lua */ `
if not fence_admits(token, fencing_token) then return {0, redis.call('GET', token)} end
if body == '' then
  redis.call('DEL', value)
elseif ttl_ms == '0' then
  redis.call('SET', value, body)
else
  redis.call('SET', value, body, 'PX', ttl_ms)
end
return {1}
`,
  // Twice the same write with the same token is one write; a larger token in between refuses the second.
  idempotent: true,
  expires: true,
  parse(reply): FencedReply {
    const [code, seen] = reply as [number, string];
    return code === 1 ? { admitted: true } : { admitted: false, seen: Number(seen) };
  },
});

/** Reads only. Reply: the body or empty, the largest token seen or empty. */
export const fencedRead = defineScript({
  name: 'lock.fenced.read',
  keys: ['value', 'token'],
  args: [],
  lua: /* lua */ `
return {redis.call('GET', value) or '', redis.call('GET', token) or ''}
`,
  idempotent: true,
  parse(reply): { body: string | undefined; fencingToken: number | undefined } {
    const [body, token] = reply as [string, string];
    return { body: body || undefined, fencingToken: token ? Number(token) : undefined };
  },
});
