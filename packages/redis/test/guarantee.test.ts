import { describe, expect, it } from 'vitest';
import { guaranteeOf } from '../src/guarantee.ts';
import type { Topology } from '../src/target.ts';
import { serverState } from './server-state.ts';

interface Deployment {
  readonly topology?: Topology;
  readonly aof?: 'always' | 'everysec' | 'no' | 'on' | 'off' | undefined;
  readonly minReplicasToWrite?: number | undefined;
  readonly confirmedBy?: number;
}

const promised = ({ topology = 'single', confirmedBy = 0, minReplicasToWrite = 0, ...rest }: Deployment) => {
  const persistence = { aof: 'aof' in rest ? rest.aof : 'always', snapshots: false, healthy: true } as const;
  return guaranteeOf({ topology, confirmedBy, servers: [serverState({ persistence, minReplicasToWrite })] });
};

describe('the guarantee of a deployment', () => {
  it.each([
    ['always', 'yes', 'yes', 'yes'],
    ['everysec', 'yes', 'bounded', 'until-power-loss'],
    ['no', 'yes', 'no', 'until-power-loss'],
    ['on', 'yes', 'unknown', 'until-power-loss'],
    ['off', 'no', 'no', 'until-restart'],
    [undefined, 'unknown', 'unknown', 'unknown'],
  ] as const)(
    'of one Redis with appendfsync %s: crash %s, power loss %s, exclusive %s',
    (aof, ...expected) => {
      const { redisCrash, powerLoss, exclusive, failover, clientCrash } = promised({ aof });
      expect([redisCrash, powerLoss, exclusive]).toEqual(expected);
      expect([failover, clientCrash]).toEqual(['not-applicable', 'yes']);
    },
  );

  it.each([
    ['sentinel', 0, 0, 'no', ''],
    ['cluster', 0, 0, 'no', ''],
    ['sentinel', 0, 1, 'bounded', 'min-replicas-max-lag'],
    ['sentinel', 1, 0, 'bounded', 'a master that was replaced confirms'],
    ['cluster', 1, 1, 'bounded', 'were not confirmed'],
  ] as const)(
    'of %s with %i confirmations and min-replicas-to-write %i: failover %s',
    (topology, confirmedBy, minReplicasToWrite, failover, window) => {
      const guarantee = promised({ topology, confirmedBy, minReplicasToWrite });
      expect(guarantee.failover).toBe(failover);
      expect(guarantee.exclusive).toBe('until-failover');
      expect(guarantee.window.join()).toContain(window);
    },
  );

  it('with fewer confirmations than replicas does not hide that another one may be promoted', () => {
    const replica = { address: 'r:1', state: 'online', lagSeconds: 0, lagBytes: 0 };
    const servers = [serverState({ replicas: [replica, replica] })];
    const window = (confirmedBy: number) =>
      guaranteeOf({ topology: 'sentinel', servers, confirmedBy }).window.join();
    expect(window(1)).toContain('another replica is promoted');
    expect(window(2)).not.toContain('another replica is promoted');
  });

  it('of memory ends with the process', () => {
    const guarantee = guaranteeOf({ topology: 'memory', servers: [], confirmedBy: 0 });
    expect(guarantee).toMatchObject({ redisCrash: 'no', powerLoss: 'no', exclusive: 'yes' });
  });

  it('is that of the weakest master', () => {
    const strong = serverState({ persistence: { aof: 'always', snapshots: true, healthy: true } });
    const weak = serverState({
      persistence: { aof: 'off', snapshots: false, healthy: true },
      minReplicasToWrite: 0,
      replicas: [],
    });
    const guarantee = guaranteeOf({ topology: 'cluster', servers: [strong, weak], confirmedBy: 0 });
    expect(guarantee.basis).toMatchObject({
      aof: 'off',
      snapshots: false,
      replicas: 0,
      minReplicasToWrite: 0,
    });
    expect(guarantee.redisCrash).toBe('no');
  });

  it('is unknown where no server answers', () => {
    const silent = serverState({ error: new Error('gone') });
    const guarantee = guaranteeOf({ topology: 'single', servers: [silent], confirmedBy: 0 });
    expect(guarantee).toMatchObject({ redisCrash: 'unknown', powerLoss: 'unknown', exclusive: 'unknown' });
    expect(guarantee.basis.minReplicasToWrite).toBeUndefined();
  });
});
