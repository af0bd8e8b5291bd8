import { describe, expect, it } from 'vitest';
import { LatencyWindow } from '../src/latency-window.ts';

describe('a window of latencies', () => {
  it('knows nothing before the first measurement', () => {
    expect(new LatencyWindow().quantiles()).toEqual({ p50: undefined, p99: undefined, samples: 0 });
  });

  it('gives the quantiles of what was measured', () => {
    const window = new LatencyWindow();
    for (let ms = 100; ms >= 1; ms--) window.record(ms);
    expect(window.quantiles()).toEqual({ p50: 50, p99: 99, samples: 100 });
  });

  it('forgets the oldest', () => {
    const window = new LatencyWindow();
    for (let n = 0; n < 100; n++) window.record(9_999);
    for (let n = 0; n < 512; n++) window.record(1);
    expect(window.quantiles()).toEqual({ p50: 1, p99: 1, samples: 512 });
  });
});
