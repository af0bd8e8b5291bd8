import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';

// Three processes, one of which leads; the leader is killed and another one takes over. They need a Redis in common.
const url = process.env['REDIS_URL'];
if (url === undefined) console.log('set REDIS_URL: three processes cannot share memory://');
else if (process.send) await stand(url, process.argv[2] ?? '');
else await watch(url);

/** One candidate. It leads until it dies: resigning is not needed for the next one to come. */
async function stand(redisUrl: string, host: string): Promise<void> {
  const redis = await connect(redisUrl, { prefix: 'election:' });
  const election = createLocks({ redis }).election('scheduler', { ttlMs: 1_000, metadata: { host } });
  const leadership = await election.campaign();
  leadership.signal.addEventListener('abort', () => process.exit(1));
}

async function watch(redisUrl: string): Promise<void> {
  const redis = await connect(redisUrl, { prefix: 'election:' });
  const election = createLocks({ redis }).election('scheduler');
  const candidates = new Map(
    ['a', 'b', 'c'].map((host) => [host, fork(fileURLToPath(import.meta.url), [host])]),
  );
  let last = 0;
  for await (const leader of election.observe()) {
    if (leader === undefined) continue;
    const { host } = leader.metadata as { host: string };
    console.log(
      `alive: ${candidates.size}; one leads, its token is ${leader.fencingToken > last ? 'larger' : 'smaller'}`,
    );
    last = leader.fencingToken;
    const child = candidates.get(host)!;
    candidates.delete(host);
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (candidates.size === 0) break;
  }
  await redis.close();
}
