import { connect } from '@lockstep/redis';
import { expect, onTestFinished, test } from 'vitest';

test('many connections of one name are no leak to warn of', async () => {
  const warnings: unknown[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  const opened = await Promise.all(Array.from({ length: 14 }, () => connect('memory://crowded')));
  await Promise.all(opened.map((redis) => redis.subscribe('news', () => {}).ready));
  await Promise.all(opened.map((redis) => redis.close()));
  // Warnings are emitted with the next tick.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
