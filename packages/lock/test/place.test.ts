import type { Redis } from '@lockstep/redis';
import { ManualClock } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { createPlaces } from '../src/place.ts';

/** As much of a connection as a place looks at when it is made. */
function connection(topology: string, options?: object): Redis {
  return { topology, prefix: 'p:', clock: new ManualClock(), client: { options } } as unknown as Redis;
}

it.each<[string, Redis, boolean]>([
  ['the memory driver', connection('memory'), false],
  ['a client of ours', connection('single', { autoResendUnfulfilledCommands: false }), false],
  ['a client that was handed in', connection('single', { autoResendUnfulfilledCommands: true }), true],
  ['a client whose options are not known', connection('sentinel'), true],
  ['a Cluster client', connection('cluster', { autoResendUnfulfilledCommands: false }), true],
])('%s may send a command again by itself: %#', (_, redis, resends) => {
  const [place] = createPlaces([redis], 'l:');
  expect(place).toMatchObject({ resends, lockPrefix: 'p:l:', index: 0 });
});

it('PUBLISH inside a script counts every receiver, but not on Cluster', () => {
  const places = createPlaces([connection('single'), connection('cluster')], '');
  expect(places.map(({ exact }) => exact)).toEqual(['1', '0']);
});
