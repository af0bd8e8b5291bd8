import { defineScript, ringLua } from '@lockstep/redis';
import { dueLua } from '../lua/due.ts';
import { endingsLua } from '../lua/endings.ts';
import { bucketLua, statesLua, writesLua } from '../lua/items.ts';
import { locateLua } from '../lua/locate.ts';
import { loadLua, metaLua } from '../lua/meta.ts';
import { readyLua } from '../lua/ready.ts';
import { refusal, type Refusal } from './refusal.ts';

export interface SweepReply {
  readonly status: 'ok';
  readonly dead: number;
  readonly kept: number;
  readonly expired: number;
  readonly more: boolean;
}

/**
 * One slice of retention: outcomes whose time is up, items that were not claimed in time, dead items older than
 * `dead_age` ms (-1: any age may stay), and what exceeds `dead_max` and `kept_max` (-1: no limit). At most `limit` of each.
 * Removing what is due twice removes it once, so no number is needed.
 */
export const sweep = defineScript({
  name: 'delivery.sweep',
  keys: [
    'meta',
    'critical',
    'high',
    'normal',
    'low',
    'delayed',
    'leased',
    'expiring',
    'dead',
    'kept',
    'cancels',
    'awaiting',
    'waiters',
  ],
  args: ['calm', 'keep_ms', 'max_deliveries', 'dead_age', 'dead_max', 'kept_max', 'limit'],
  idempotent: true,
  allowOom: true,
  include: [
    loadLua,
    metaLua,
    bucketLua,
    writesLua,
    statesLua,
    readyLua,
    endingsLua,
    locateLua,
    dueLua,
    ringLua,
  ],
  lua: /* lua */ `
local most = limit * 1
local removed = { dead = 0, kept = 0 }
local function remove_dead(ids)
  for i = 1, #ids do
    erase_all(ids[i])
    tell_awaiting(ids[i])
  end
  if #ids > 0 then redis.call('ZREM', dead, unpack(ids)) end
  removed.dead = removed.dead + #ids
end
local function remove_kept(ids)
  for i = 1, #ids do erase(ids[i]) end
  if #ids > 0 then redis.call('ZREM', kept, unpack(ids)) end
  removed.kept = removed.kept + #ids
end
local function beyond(key, max)
  local excess = redis.call('ZCARD', key) - max
  if max < 0 or excess <= 0 then return {} end
  if excess > most then cut_short = true end
  return redis.call('ZRANGE', key, 0, int(math.min(excess, most) - 1))
end
local function older(key, moment)
  local ids = redis.call('ZRANGEBYSCORE', key, '-inf', int(moment), 'LIMIT', 0, most)
  if #ids == most then cut_short = true end
  return ids
end
local before = redis.call('ZCARD', expiring)
expire(most, keep_ms * 1.0)
local looked_at = before - redis.call('ZCARD', expiring)
remove_kept(older(kept, now))
remove_kept(beyond(kept, kept_max * 1.0))
if dead_age * 1.0 >= 0 then remove_dead(older(dead, now - dead_age)) end
remove_dead(beyond(dead, dead_max * 1.0))
flush_items()
save()
return { 'OK', int(removed.dead), int(removed.kept), int(looked_at), cut_short and '1' or '0' }
`,
  parse: (reply): SweepReply | Refusal => refusal(reply) ?? parseSweep(reply as string[]),
});

function parseSweep([, dead, kept, expired, more]: string[]): SweepReply {
  return {
    status: 'ok',
    dead: Number(dead),
    kept: Number(kept),
    expired: Number(expired),
    more: more === '1',
  };
}
