import { checkExclusive } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { runLockStorm, type LockStormOptions } from '../src/lock-chaos/lock-storm.ts';
import { chaosProfile } from '../src/queue-chaos/profile.ts';

const timeout = 3_600_000;

type Size = Pick<LockStormOptions, 'processes' | 'lanes' | 'locks' | 'ttlMs' | 'grants' | 'timeoutMs'>;

const sizes: Readonly<Record<'light' | 'full', Size>> = {
  light: { processes: 4, lanes: 12, locks: 16, ttlMs: 400, grants: 2_500 },
  // Ten minutes or more on two cores.
  full: { processes: 8, lanes: 16, locks: 32, ttlMs: 400, grants: 100_000, timeoutMs: 3_000_000 },
};

describe.each([1, 3])('locks on %i masters, whose holders are killed, stopped and cut off', (masters) => {
  it('never overlap by their holders’ own account, and their tokens rise', { timeout }, async () => {
    const size = sizes[chaosProfile()];
    const grants = masters === 1 ? size.grants : Math.ceil(size.grants / 4);
    const storm = await runLockStorm({ ...size, grants, masters, fenced: true });
    const report = checkExclusive(storm.history);
    const told = { ...storm.faults, accepted: storm.accepted, stale: storm.stale };
    console.log(
      `lock storm on ${masters}: ${report.grants} grants, ${JSON.stringify(told)}, seed ${storm.seed}, ${Math.round(storm.tookMs / 1_000)} s`,
    );
    expect(report.violations.slice(0, 3)).toEqual([]);
    expect(report.grants).toBeGreaterThanOrEqual(grants);
    expect(storm.stale).toBe(0);
  });
});

describe('the oracle of the lock storm', () => {
  it('finds stale writes when the resource does not compare tokens', { timeout }, async () => {
    const storm = await runLockStorm({
      ...sizes.light,
      grants: 1_500,
      longHolds: 0.3,
      masters: 1,
      fenced: false,
    });
    console.log(`control: ${storm.accepted} writes, ${storm.stale} of them stale, seed ${storm.seed}`);
    expect(storm.stale).toBeGreaterThan(0);
  });
});
