import { ManualClock, memoryConnection } from '@lockstep/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => void vi.restoreAllMocks());

/** The machine's clock goes on by a millisecond whenever it is read: the worst that a busy machine does. */
function restlessMachine(): void {
  let now = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => (now += 1));
}

describe('expiry on memory', () => {
  it.each([
    ['SET PX', `redis.call('SET', KEYS[1], 'x', 'PX', 100)`],
    ['PEXPIRE', `redis.call('SET', KEYS[1], 'x') redis.call('PEXPIRE', KEYS[1], 100)`],
  ])('of %s is at the millisecond, whatever the machine is doing meanwhile', async (_, lua) => {
    restlessMachine();
    const clock = new ManualClock();
    await using connection = await memoryConnection({ clock });
    const { client } = connection.redis;
    await client.eval(`${lua} return 1`, 1, 'k');
    expect(await client.eval(`return redis.call('PTTL', KEYS[1])`, 1, 'k')).toBe(100);
    await clock.advance(99);
    expect(await client.eval(`return redis.call('PTTL', KEYS[1])`, 1, 'k')).toBe(1);
    expect(await client.get('k')).toBe('x');
    await clock.advance(1);
    expect(await client.get('k')).toBeNull();
  });
});
