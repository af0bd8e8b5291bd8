import { connect, createRedis } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { RedisNode } from '../src/servers/redis-node.ts';
import { startStandalone } from '../src/servers/standalone.ts';
import { binaryVersion, openSite } from '../src/site/open-site.ts';
import { silent } from './redis-load.ts';
import { increment } from './redis-scripts.ts';

/** As in `docs/security.md`. */
const rules =
  'resetchannels &+switch-master nocommands +sentinel|get-master-addr-by-name +sentinel|master +sentinel|sentinels +subscribe';

it.runIf(binaryVersion() !== undefined)(
  'sentinels with users of their own are asked as one, and its absence is told at once',
  async () => {
    await using master = await startStandalone({ site: 'binary', requirepass: 'for-redis' });
    await using site = await openSite(1, 'binary');
    const [port = 0] = site.ports;
    await using sentinel = new RedisNode(site, {
      program: 'redis-sentinel',
      name: 'sentinel',
      port,
      password: 'for-sentinels',
      config: [
        'requirepass for-sentinels',
        `user asks on >to-ask ${rules}`,
        `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
        'sentinel auth-pass mymaster for-redis',
      ],
    });
    await sentinel.start();
    const url = `redis+sentinel://:for-redis@127.0.0.1:${port}/mymaster`;
    const options = { logger: silent, sentinel: { username: 'asks', password: 'to-ask' } };
    await using redis = await connect(url, options);
    expect(await redis.run(increment, { counter: 'x' }, {})).toBe(1);
    // It listens there for a failover as well. Only what names the client library may have been refused.
    await eventually(async () => {
      expect(await sentinel.command('client', 'list')).toMatch(/ sub=1 .* user=asks/);
    });
    const denied = (await sentinel.command('acl', 'log')) as string[][];
    const objects = denied.map((entry) => entry[entry.indexOf('object') + 1]!);
    expect(objects.filter((object) => !object.startsWith('client'))).toEqual([]);
    await using without = createRedis(url, { logger: silent });
    const refused: unknown = await without.ready({ timeoutMs: 20_000 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'REDIS_ACCESS', reason: 'credentials' });
    expect(String(refused)).not.toContain('for-redis');
  },
);
