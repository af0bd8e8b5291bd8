import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ReplyDeadlines } from '../src/ioredis/reply-deadlines.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

class Call {
  isResolved = false;
  rejectedAt: number | undefined;

  reject(error: Error): void {
    expect(error.message).toBe('Command timed out');
    this.isResolved = true;
    this.rejectedAt = performance.now();
  }
}

function send(deadlines: ReplyDeadlines, ms = 1_000): Call {
  const call = new Call();
  deadlines.add(call, ms);
  return call;
}

it('rejects each command that is not answered when its own time is up', () => {
  const deadlines = new ReplyDeadlines();
  const start = performance.now();
  const first = send(deadlines);
  vi.advanceTimersByTime(400);
  const second = send(deadlines);
  vi.advanceTimersByTime(599);
  expect(first.rejectedAt).toBeUndefined();
  vi.advanceTimersByTime(1_000);
  expect(first.rejectedAt! - start).toBe(1_000);
  expect(second.rejectedAt! - start).toBe(1_400);
});

it('leaves alone what was answered, also behind what was not', () => {
  const deadlines = new ReplyDeadlines();
  const calls = Array.from({ length: 5 }, () => send(deadlines));
  for (const index of [0, 2, 4]) calls[index]!.isResolved = true;
  vi.advanceTimersByTime(5_000);
  expect(calls.map(({ rejectedAt }) => rejectedAt !== undefined)).toEqual([false, true, false, true, false]);
});

it('has one timer however many commands there are, and none when all are answered', () => {
  const deadlines = new ReplyDeadlines();
  for (let sent = 0; sent < 5_000; sent += 1) send(deadlines).isResolved = true;
  expect(vi.getTimerCount()).toBe(1);
  const last = send(deadlines);
  vi.advanceTimersByTime(999);
  last.isResolved = true;
  vi.advanceTimersByTime(1);
  expect(vi.getTimerCount()).toBe(0);
  const later = send(deadlines);
  vi.advanceTimersByTime(1_000);
  expect(later.rejectedAt).toBeDefined();
});
