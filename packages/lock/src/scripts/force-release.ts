import { defineScript } from '@lockstep/redis';
import { layout, refuseNewer } from '../answer.ts';
import { goneLua, oursLua, queueLua } from './queue.ts';

export type ForceReply = 'released' | 'free' | 'changed';

/**
 * Takes a mutex away from the owner that the caller saw, tells its engine (`bell_prefix` and the connection's id make
 * the channel) and rings the next waiter. Its requests are refused for `refuse_ms`, should a copy of one still be under
 * way. After its deadline it does not run. Reply: 1 taken, 0 nobody held it, -1 somebody else holds it by now; 1 again
 * when sent twice.
 */
export const forceRelease = defineScript({
  name: 'lock.force-release',
  keys: ['lock', 'waiters', 'alive', 'gone', 'meta', 'holds'],
  args: ['owner', 'bell_prefix', 'announce', 'refuse_ms', 'exact'],
  include: [queueLua, oursLua, goneLua],
  lua: /* lua */ `
local function tell(request)
  local connection, engine = string.match(request, '^([^~]+)(~[^~]+)')
  redis.call('PUBLISH', bell_prefix .. connection, connection .. engine)
end

local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
local holder = redis.call('GET', lock)
if holder ~= owner then
  if redis.call('ZSCORE', gone, owner) then return 1 end
  return holder and -1 or 0
end
local held = redis.call('ZRANGE', holds, 0, -1)
redis.call('DEL', lock, meta, holds)
finish(gone, owner, refuse_ms, false)
for i = 1, #held do finish(gone, held[i], refuse_ms, false) end
if is_request(holder) then tell(holder) end
for i = 1, #held do if is_request(held[i]) then tell(held[i]) end end
if announce ~= '' then redis.call('PUBLISH', announce, '') end
summon(waiters, alive)
return 1
`,
  idempotent: true,
  expires: true,
  allowOom: true,
  parse(reply): ForceReply {
    refuseNewer(reply);
    return reply === 1 ? 'released' : reply === 0 ? 'free' : 'changed';
  },
});
