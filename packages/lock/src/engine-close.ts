import type { CloseOptions, CloseReport } from '@lockstep/core';
import type { LockEngine } from './engine.ts';

const defaultDrainMs = 10_000;
const defaultAbortMs = 2_000;

/** Ends an engine in order: no new leases, work under way, signals, leases. */
export async function closeEngine(
  engine: LockEngine,
  name: string,
  { drainMs = defaultDrainMs, abortMs = defaultAbortMs }: CloseOptions,
): Promise<CloseReport> {
  engine.stopGranting();
  const finished = await engine.drain(drainMs);
  const aborted = engine.abortAll();
  await engine.drain(abortMs);
  await engine.acquisitionsOver();
  const { released, errors } = await engine.releaseAll();
  return { name, finished, returned: released, aborted, errors };
}
