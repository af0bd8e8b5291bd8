import { defineScript, ringLua } from '@lockstep/redis';
import { loadLua, metaLua } from '../lua/meta.ts';
import { refusal, type Refusal } from './refusal.ts';

/** Stops or resumes handing out. Resuming wakes everyone: each of them may have work to find. */
export const setPaused = defineScript({
  name: 'delivery.setPaused',
  keys: ['meta', 'waiters'],
  args: ['calm', 'to'],
  idempotent: true,
  expires: true,
  allowOom: true,
  include: [loadLua, metaLua, ringLua],
  lua: /* lua */ `
m.paused = to * 1.0
save()
if m.paused == 0 then ring(waiters, redis.call('LLEN', waiters)) end
return { 'OK' }
`,
  parse: (reply): { readonly status: 'ok' } | Refusal => refusal(reply) ?? { status: 'ok' },
});
