import { expect, test } from 'vitest';
import { healthReport, type HealthCheck, type HealthStatus } from '@lockstep/core';

function check(status: HealthStatus): HealthCheck {
  return { name: `a ${status} check`, status, value: 1, since: 0, remedy: '' };
}

test.each<[HealthStatus[], HealthStatus]>([
  [[], 'up'],
  [['up', 'up'], 'up'],
  [['up', 'degraded', 'up'], 'degraded'],
  [['down', 'degraded', 'up'], 'down'],
])('a report over checks that are %j is %s', (statuses, expected) => {
  const checks = statuses.map(check);
  expect(healthReport(checks)).toEqual({ status: expected, checks });
});
