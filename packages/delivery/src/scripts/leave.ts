import { defineScript, ringLua } from '@lockstep/redis';

/**
 * Forgets callers that end, and a place among the waiters. A waiter that is not there any more was rung on its way out:
 * the bell goes to the next one, or the work it told of would lie until a slow poll. The callers follow the named argument.
 */
export const leave = defineScript({
  name: 'delivery.leave',
  keys: ['meta', 'seen', 'waiters'],
  args: ['waiter'],
  idempotent: true,
  allowOom: true,
  include: [ringLua],
  lua: /* lua */ `
for i = fixed_args + 1, #ARGV do
  redis.call('HDEL', meta, '@' .. ARGV[i])
  redis.call('ZREM', seen, ARGV[i])
end
if waiter ~= '' and redis.call('LREM', waiters, 0, waiter) == 0 then ring(waiters, 1) end
return 1
`,
  parse: () => undefined,
});
