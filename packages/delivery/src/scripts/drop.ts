import { defineScript } from '@lockstep/redis';
import { endingsLua } from '../lua/endings.ts';
import { bucketLua, statesLua, writesLua } from '../lua/items.ts';
import { locateLua } from '../lua/locate.ts';
import { metaLua } from '../lua/meta.ts';
import { numberedLua, recordLua } from '../lua/numbered.ts';
import { readyLua } from '../lua/ready.ts';
import { refusal, type Refusal } from './refusal.ts';

export interface DropReply {
  readonly status: 'ok';
  /** Per id: whether it was in that state and is gone. */
  readonly dropped: readonly boolean[];
}

/** Removes items that are in the given state: `ready`, `delayed`, `dead`, or `kept` (their outcome). Ids follow. */
export const drop = defineScript({
  name: 'delivery.drop',
  keys: [
    'meta',
    'critical',
    'high',
    'normal',
    'low',
    'delayed',
    'dead',
    'kept',
    'cancels',
    'awaiting',
    'seen',
  ],
  args: ['calm', 'caller', 'seq', 'state'],
  idempotent: true,
  expires: true,
  allowOom: true,
  include: [
    recordLua,
    metaLua,
    /* lua */ `local acked, channel = '0', '-'`,
    numberedLua,
    bucketLua,
    writesLua,
    statesLua,
    readyLua,
    endingsLua,
    locateLua,
  ],
  lua: /* lua */ `
if repeated then return { 'OK', repeated } end
local function drop_outcome(id)
  if redis.call('ZREM', kept, id) == 0 then return false end
  erase(id)
  return true
end
local dropped = {}
local function drop_item(id)
  local record = not dropped[id] and redis.call('HGET', bucket(id), id)
  if not record or sub(record, 2, 2) == '=' then return false end
  local where, place, state_of = locate(id, record)
  if where ~= state then return false end
  dropped[id] = true
  remove_waiting(id, where, place, state_of)
  tell_awaiting(id)
  return true
end
local codes = {}
for i = fixed_args + 1, #ARGV do
  local done
  if state == 'kept' then done = drop_outcome(ARGV[i]) else done = drop_item(ARGV[i]) end
  codes[i - fixed_args] = done and '1' or '0'
end
flush_items()
local reply = table.concat(codes)
remember(reply)
save()
return { 'OK', reply }
`,
  parse: (reply): DropReply | Refusal => refusal(reply) ?? parseFlags(reply as [string, string]),
});

function parseFlags([, codes]: [string, string]): DropReply {
  return { status: 'ok', dropped: Array.from(codes, (code) => code === '1') };
}
