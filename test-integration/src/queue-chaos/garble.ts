import type { StandaloneServer } from '../servers/standalone.ts';

// A record is `<mark, level, number> <time> <options> <body>`; the body is what a worker has to decode.
const script = /* lua */ `
for _, key in ipairs(KEYS) do
  for _, id in ipairs(ARGV) do
    local record = redis.call('HGET', key, id)
    if record then
      local head = string.match(record, '^%S+ %S+ %S+ ')
      redis.call('HSET', key, id, head .. 'written by hand {')
    end
  end
end`;
const buckets = 16;

/** Overwrites the bodies of these tasks with what no codec reads. */
export async function garble(server: StandaloneServer, queue: string, ids: readonly string[]): Promise<void> {
  const keys = Array.from({ length: buckets }, (_, at) => `{lockstep:queue:${queue}:0}:item:${at}`);
  await server.command('EVAL', script, keys.length, ...keys, ...ids);
}
