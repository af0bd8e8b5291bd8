import { connect, defineScript } from '@lockstep/redis';
import { memoryFaults } from '@lockstep/redis/memory';
import { ManualClock } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';

const echo = defineScript({
  name: 'test.echo',
  keys: ['any'],
  args: [],
  lua: `return 1`,
  parse: Number,
  idempotent: true,
});

describe('health on memory', () => {
  it('tells of a server clock that stepped back, for an hour', async () => {
    const clock = new ManualClock();
    const redis = await connect('memory://health-clock', { clock });
    expect((await redis.health()).details.warnings).toEqual([]);
    clock.stepWall(-5_000);
    const { status, checks, details } = await redis.health();
    expect(status).toBe('degraded');
    expect(details.warnings).toMatchObject([{ code: 'CLOCK_STEPPED', value: 5_000 }]);
    expect(checks.find(({ name }) => name === 'clock')).toMatchObject({
      status: 'degraded',
      remedy: expect.stringContaining('slew'),
    });
    await clock.advance(3_600_001);
    expect((await redis.health()).details.warnings).toEqual([]);
    await redis.close();
  });

  it('measures the latency of calls, and of its own question where there was none', async () => {
    const clock = new ManualClock();
    const redis = await connect('memory://health-latency', { clock });
    expect((await redis.health()).details.latencyMs).toEqual({ p50: 0, p99: 0, samples: 1 });
    // The first call also teaches the script; it is no measure of the others.
    for (let n = 0; n < 3; n++) await redis.run(echo, { any: 'x' }, {});
    expect((await redis.health()).details.latencyMs.samples).toBe(3);
    await redis.close();
  });

  it('says down, with the same guarantee, while the connection is cut', async () => {
    const redis = await connect('memory://health-down');
    const { guarantee } = redis;
    memoryFaults(redis).disconnect();
    const { status, checks, details } = await redis.health();
    expect(status).toBe('down');
    expect(checks[0]).toMatchObject({ name: 'commands', status: 'down', value: false });
    expect(checks[0]!.remedy).toContain('memory://health-down');
    expect(details).toMatchObject({ topology: 'memory', servers: [], warnings: [], guarantee });
    await redis.close();
  });
});
