import { describe, expect, test } from 'vitest';
import type { DeadLetter } from '../src/dead-letter.ts';
import { deadLetterStats, severityOf } from '../src/dead-letter-stats.ts';

const now = 1_800_000_000_000;
const dayMs = 86_400_000;

function letter(name: string, reason: string, error: string, diedAt = now): DeadLetter {
  const failure = { name: error, message: '', stack: '', worker: '', attempt: 1, startedAt: 0, failedAt: 0 };
  return { name, reason, diedAt, history: [failure] } as unknown as DeadLetter;
}

async function* streamed(letters: readonly DeadLetter[]): AsyncGenerator<DeadLetter> {
  yield* letters;
}

const stats = (letters: readonly DeadLetter[]) =>
  deadLetterStats(streamed(letters), { warningAt: 10, criticalAt: 50 }, now);

describe('dead letter statistics', () => {
  test('count by task, reason, error and age', async () => {
    const counted = await stats([
      letter('a', 'attempts', 'TypeError', now - dayMs - 1),
      letter('a', 'attempts', 'TypeError'),
      letter('a', 'rejected: x', 'RejectTask'),
      letter('b', 'rejected: y', 'RejectTask', now - 5),
    ]);
    expect(counted).toMatchObject({
      total: 4,
      last24h: 3,
      oldestAt: now - dayMs - 1,
      newestAt: now,
      byTask: {
        a: { count: 3, reasons: { attempts: 2, rejected: 1 }, errors: { TypeError: 2, RejectTask: 1 } },
        b: { count: 1, reasons: { rejected: 1 } },
      },
    });
  });

  test.each([
    [9, 'ok'],
    [10, 'warning'],
    [49, 'warning'],
    [50, 'critical'],
  ])('%i dead letters are %s by default', (total, severity) => {
    expect(severityOf(total, { warningAt: 10, criticalAt: 50 })).toBe(severity);
  });

  test.each([
    ['attempts', /ran out of attempts, most with TypeError/],
    ['rejected: why', /rejected by their handler/],
    ['payload', /payload that the schema refuses/],
    ['output', /output that the schema refuses/],
    ['unknown-task', /deploy a worker with this task/],
    ['max-deliveries', /never settled/],
    ['something else', /died of something else/],
  ])('advise what to do about %s', async (reason, advice) => {
    const { recommendations } = await stats([letter('a', reason, 'TypeError')]);
    expect(recommendations).toEqual([expect.stringMatching(advice)]);
  });

  test('advise on the five most frequent troubles, the worst first', async () => {
    const letters = Array.from({ length: 6 }, (_, n) =>
      Array.from({ length: n + 1 }, () => letter(`t${n}`, 'attempts', 'E')),
    );
    const { recommendations } = await stats(letters.flat());
    expect(recommendations).toHaveLength(5);
    expect(recommendations[0]).toMatch(/^6 of t5 /);
  });

  test('count tasks by names that objects have anyway', async () => {
    const { byTask } = await stats([
      letter('__proto__', 'constructor', 'toString'),
      letter('', 'payload', 'X'),
    ]);
    expect(Object.keys(byTask)).toEqual(['__proto__', '']);
    expect(byTask['__proto__']).toMatchObject({
      count: 1,
      reasons: { constructor: 1 },
      errors: { toString: 1 },
    });
  });
});
