import { defineScript } from '@lockstep/redis';
import { bucketLua, leaseMark } from '../lua/items.ts';

/** Reads the field `<id>{p}`, `<id>{c}` or `<id>{r}`; an empty reply is none. */
export function noteIn(field: string): string | undefined {
  return field === '' ? undefined : field.slice(1);
}

/** Stores a note of the holder of a lease; `field` is `{p}`, `{c}` or `{r}`. False when the lease is not held. */
export const saveNote = defineScript({
  name: 'delivery.saveNote',
  keys: ['leased'],
  args: ['id', 'token', 'field', 'value'],
  idempotent: true,
  // A note that was given up must not overwrite a later one.
  expires: true,
  // Work that is being done ends sooner for it, and that is what frees memory.
  allowOom: true,
  include: [bucketLua],
  lua: /* lua */ `
if not redis.call('ZSCORE', leased, '${leaseMark}' .. token .. ' ' .. id) then return 0 end
redis.call('HSET', bucket(id), id .. field, '1' .. value)
return 1
`,
  parse: (reply) => reply === 1,
});

/** The note, or undefined. Stored behind a mark, also because the mock reads an empty string as none. */
export const loadNote = defineScript({
  name: 'delivery.loadNote',
  keys: [],
  args: ['id', 'field'],
  idempotent: true,
  include: [bucketLua],
  lua: /* lua */ `
return redis.call('HGET', bucket(id), id .. field) or ''
`,
  parse: (reply): string | undefined => noteIn(reply as string),
});
