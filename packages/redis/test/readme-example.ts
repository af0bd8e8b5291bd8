import { closeOnSignals, connect, defineScript } from '@lockstep/redis';

const countVisit = defineScript({
  name: 'app.count-visit',
  keys: ['total', 'seen'],
  args: ['visit'],
  lua: `
if redis.call('SADD', seen, visit) == 1 then redis.call('INCR', total) end
return redis.call('GET', total)`,
  parse: Number,
  idempotent: true, // sent again after a lost reply: the visit is counted once
});

export async function countVisits(url: string, visits: readonly string[]): Promise<number> {
  await using redis = await connect(url, { prefix: 'shop:' });
  const stopListening = closeOnSignals(redis);
  const page = redis.keyspace('page', 'home');
  const keys = { total: page.key('total'), seen: page.key('seen') };
  let total = 0;
  for (const visit of visits) total = await redis.run(countVisit, keys, { visit });
  stopListening();
  return total;
}
