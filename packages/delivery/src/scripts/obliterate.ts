import { defineScript } from '@lockstep/redis';

/** Removes every key of a partition. UNLINK takes them out at once and frees their memory in the background. */
export const obliterate = defineScript({
  name: 'delivery.obliterate',
  keys: ['meta'],
  args: [],
  idempotent: true,
  expires: true,
  allowOom: true,
  lua: /* lua */ `
return redis.call('UNLINK', unpack(KEYS))
`,
  parse: () => undefined,
});
