import { defineScript } from '@lockstep/redis';

/** Counts each operation id once, however often it is sent. `counter` says how many took effect, `runs` how many ran. */
export const countOnce = defineScript({
  name: 'test.count-once',
  keys: ['counter', 'seen', 'runs'],
  args: ['id'],
  lua: /* lua */ `
redis.call('INCR', runs)
if redis.call('SADD', seen, id) == 1 then redis.call('INCR', counter) end
return tonumber(redis.call('GET', counter))`,
  parse: Number,
  idempotent: true,
});

/** Must not be sent twice. */
export const increment = defineScript({
  name: 'test.increment',
  keys: ['counter'],
  args: [],
  lua: /* lua */ `return redis.call('INCR', counter)`,
  parse: Number,
  idempotent: false,
});

/** As {@link increment}, and must not happen after its caller gave up. */
export const incrementInTime = defineScript({
  name: 'test.increment-in-time',
  keys: ['counter'],
  args: [],
  lua: /* lua */ `return redis.call('INCR', counter)`,
  parse: Number,
  idempotent: false,
  expires: true,
});

export const store = defineScript({
  name: 'test.store',
  keys: ['list'],
  args: ['value'],
  lua: /* lua */ `return redis.call('RPUSH', list, value)`,
  parse: Number,
  idempotent: false,
});

export const drain = defineScript({
  name: 'test.drain',
  keys: ['list'],
  args: [],
  lua: /* lua */ `
local value = redis.call('LPOP', list)

return value and 1 or 0`,
  parse: Number,
  idempotent: false,
  allowOom: true,
});
