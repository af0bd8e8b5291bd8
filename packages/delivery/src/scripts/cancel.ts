import { defineScript } from '@lockstep/redis';
import { endingsLua } from '../lua/endings.ts';
import { bucketLua, statesLua, writesLua } from '../lua/items.ts';
import { locateLua } from '../lua/locate.ts';
import { metaLua } from '../lua/meta.ts';
import { numberedLua, recordLua } from '../lua/numbered.ts';
import { readyLua } from '../lua/ready.ts';
import { refusal, type Refusal } from './refusal.ts';

export interface CancelReply {
  readonly status: 'ok';
  readonly result: 'cancelled' | 'cancelling' | 'not-found';
}

/**
 * Ends a waiting item; marks a leased one, tells its worker by the bell `<worker>!`, and whatever its settlement says
 * later, it is not handed out again.
 */
export const cancel = defineScript({
  name: 'delivery.cancel',
  keys: [
    'meta',
    'critical',
    'high',
    'normal',
    'low',
    'delayed',
    'leased',
    'dead',
    'kept',
    'cancels',
    'awaiting',
    'seen',
  ],
  args: ['calm', 'caller', 'seq', 'id', 'keep_ms'],
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
local function end_with(code)
  flush_items()
  remember(code)
  save()
  return { 'OK', code }
end
local record = redis.call('HGET', bucket(id), id)
if not record or sub(record, 2, 2) == '=' then return end_with('0') end
local where, place, state = locate(id, record)
if where == 'dead' then return end_with('0') end
if where == 'leased' then
  m.cancels = m.cancels + redis.call('HSET', cancels, id, '1')
  local worker = redis.call('HGET', meta, '@' .. state.worker)
  local process = worker and string.match(worker, '^%S+ %S+ (%S+)')
  if process and process ~= '-' then redis.call('PUBLISH', process, state.worker .. '!') end
  return end_with('2')
end
remove_waiting(id, where, place, state)
bump('cancelled', 1)
finish(id, 'x', keep_ms * 1.0, '')
return end_with('1')
`,
  parse: (reply): CancelReply | Refusal => refusal(reply) ?? parseCancel(reply as [string, string]),
});

const results = { '0': 'not-found', '1': 'cancelled', '2': 'cancelling' } as const;

function parseCancel([, code]: [string, string]): CancelReply {
  return { status: 'ok', result: results[code as keyof typeof results] };
}
