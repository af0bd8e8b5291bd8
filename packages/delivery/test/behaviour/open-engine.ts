import type { Redis } from '@lockstep/redis';
import { eventually, type BehaviourHarness, type HarnessConnectOptions } from '@lockstep/testing';
import { onTestFinished } from 'vitest';
import { createEngine } from '../../src/create-engine.ts';
import type { Engine, EngineOptions } from '../../src/engine.ts';

export interface OpenOptions extends Partial<Omit<EngineOptions, 'redis' | 'kind'>> {
  readonly connect?: HarnessConnectOptions | undefined;
}

export interface Opened {
  readonly redis: Redis;
  readonly engine: Engine;
  /** Failures that nobody awaited. */
  readonly errors: unknown[];
}

/** An engine on a queue and a connection of its own, closed at the end of the test. */
export async function openEngine(
  harness: BehaviourHarness,
  { connect, ...options }: OpenOptions = {},
): Promise<Opened> {
  const redis = await harness.connect(connect);
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const engine = createEngine({ kind: 'queue', name: harness.uniqueName(), onError, ...options, redis });
  onTestFinished(async () => {
    await engine.close({ drainMs: 0, abortMs: 0 });
    await redis.close();
  });
  return { redis, engine, errors };
}

/** Until `check` holds: time is moved on memory and passes on a real Redis. */
export function becomes<T>(
  harness: BehaviourHarness,
  check: () => T | PromiseLike<T>,
  timeoutMs = 10_000,
): Promise<T> {
  if (harness.real) return eventually(check, { timeoutMs });
  return eventually(check, { timeoutMs, advance: (ms) => harness.advance(ms) });
}

/** Resolves once everything that needs no time to pass is done. */
export function settled(harness: BehaviourHarness): Promise<void> {
  return harness.advance(harness.real ? 50 : 1);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The items `a`, `b` and so on, their id for a body. */
export function named(...ids: string[]): { id: string; body: string }[] {
  return ids.map((id) => ({ id, body: `body of ${id}` }));
}
