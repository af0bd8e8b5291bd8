import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

// Three candidates, each as a process of its own would be: one connection, one set of locks.
const candidates = await Promise.all(
  ['a', 'b', 'c'].map(async (host) => {
    const redis = await connect(process.env['REDIS_URL'] ?? 'memory://lock-election', {
      prefix: 'election:',
    });
    const election = createLocks({ redis }).election('scheduler', { ttlMs: 5_000, metadata: { host } });
    return { host, redis, election };
  }),
);
const [first, second, third] = candidates as [Candidate, Candidate, Candidate];
type Candidate = (typeof candidates)[number];

const watching = new AbortController();
const seen: string[] = [];
const observing = (async () => {
  for await (const leader of third.election.observe({ signal: watching.signal })) {
    seen.push(leader ? (leader.metadata as { host: string }).host : 'nobody');
    console.log(`observed: ${seen.at(-1)}`);
  }
})();

const until = async (host: string): Promise<void> => {
  while (seen.at(-1) !== host) await new Promise((resolve) => setTimeout(resolve, 10));
};

await until('nobody');
const leadership = await first.election.campaign();
await until('a');
const campaign = second.election.campaign();
console.log(`${first.host} leads; its lease is ${leadership.isValid() ? 'valid' : 'over'}`);

// It gives up; the next one that campaigns leads, with a larger token.
await first.election.resign();
const next = await campaign;
await until('b');
console.log(
  `${second.host} leads with a ${next.fencingToken > leadership.fencingToken ? 'larger' : 'smaller'} token`,
);
await second.election.resign();
await until('nobody');

watching.abort();
await observing;
await Promise.all(candidates.map(({ redis }) => redis.close()));
