import { healthReport, isLockstepError, type HealthCheck, type HealthReport } from '@lockstep/core';
import type { ItemConsumer } from './consumer.ts';
import type { EngineStats } from './engine.ts';

/** A consumer that has heard nothing for this long is deaf: its slow poll is at most a third of it. */
const deafMs = 15_000;

/** Whether what the engine does reaches Redis, and whether time runs there as it should. One call. */
export async function engineHealth(
  readStats: () => Promise<EngineStats>,
  consumers: Iterable<ItemConsumer>,
  since: number,
): Promise<HealthReport> {
  const checks: HealthCheck[] = [];
  try {
    const { clockSteps } = await readStats();
    checks.push({
      name: 'clock',
      status: clockSteps === 0 ? 'up' : 'degraded',
      value: clockSteps,
      since,
      remedy:
        clockSteps === 0
          ? ''
          : "CLOCK_STEPPED: the server's clock stepped back; slew it instead (chrony, ntpd -x)",
    });
  } catch (error) {
    checks.push(unreadable(error, since));
  }
  for (const consumer of consumers) {
    const { running, sinceLastTurnMs, active } = consumer.stats();
    if (!running) continue;
    const silent = sinceLastTurnMs === undefined || (sinceLastTurnMs > deafMs && active === 0);
    checks.push({
      name: 'consumer',
      status: silent ? 'degraded' : 'up',
      value: sinceLastTurnMs,
      thresholds: { degraded: deafMs },
      since,
      remedy: silent ? 'no answer to a turn: see the health of the connection' : '',
    });
  }
  return healthReport(checks);
}

function unreadable(error: unknown, since: number): HealthCheck {
  const tooNew = isLockstepError(error, 'LAYOUT_TOO_NEW');
  return {
    name: tooNew ? 'layout' : 'redis',
    status: tooNew ? 'degraded' : 'down',
    value: isLockstepError(error) ? error.code : 'error',
    since,
    remedy: tooNew ? 'upgrade this process' : 'see the health of the connection',
  };
}
