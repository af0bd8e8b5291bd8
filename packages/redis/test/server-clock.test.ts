import { ManualClock } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { ServerClock } from '../src/server-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const server = { offsetMs: 0, delayMs: 0 };
  const serverClock = new ServerClock(clock, async () => {
    const read = clock.now() + server.offsetMs;
    if (server.delayMs > 0) await clock.advance(server.delayMs);
    return read;
  });
  return { clock, server, serverClock };
}

describe("the estimate of the server's clock", () => {
  it('is the local clock before the first sample, and follows the server after it', async () => {
    const { clock, server, serverClock } = setUp();
    expect(serverClock.now()).toBe(clock.now());
    server.offsetMs = 90_000;
    await serverClock.sample();
    await clock.advance(5_000);
    expect(serverClock.now()).toBe(clock.now() + 90_000);
  });

  it('notices a step back of more than a second', async () => {
    const { clock, server, serverClock } = setUp();
    await serverClock.sample();
    await clock.advance(10_000);
    server.offsetMs = -1_500;
    await serverClock.sample();
    expect(serverClock.step).toEqual({ noticedAt: clock.now(), backMs: 1_500 });
  });

  it.each([
    ['forward', 60_000, 0],
    ['back by less than a second', -900, 0],
    ['not at all, while the reply is held up', 0, 5_000],
  ])('takes no notice of a clock that steps %s', async (_, offsetMs, delayMs) => {
    const { clock, server, serverClock } = setUp();
    await serverClock.sample();
    await clock.advance(10_000);
    Object.assign(server, { offsetMs, delayMs });
    await serverClock.sample();
    expect(serverClock.step).toBeUndefined();
  });

  it('does not take the drift of a day for a step', async () => {
    const { clock, server, serverClock } = setUp();
    await serverClock.sample();
    await clock.advance(86_400_000);
    server.offsetMs = -8_000;
    await serverClock.sample();
    expect(serverClock.step).toBeUndefined();
  });
});
