import type { SweepOptions, SweepReport } from './engine.ts';
import { assertDelay, assertWhole } from './options.ts';
import type { Store } from './store.ts';

/** Keeps each script in the low milliseconds. */
const sliceSize = 200;
const unlimited = -1;

/** Slice after slice until nothing is left to remove. */
export async function sweepAll(stores: readonly Store[], options: SweepOptions): Promise<SweepReport> {
  const { deadMaxAgeMs, deadMaxCount, keptMaxCount } = options;
  const limits = {
    deadAgeMs: deadMaxAgeMs === undefined ? unlimited : assertDelay('options.deadMaxAgeMs', deadMaxAgeMs),
    deadMax: deadMaxCount === undefined ? unlimited : assertWhole('options.deadMaxCount', deadMaxCount, 0),
    keptMax: keptMaxCount === undefined ? unlimited : assertWhole('options.keptMaxCount', keptMaxCount, 0),
  };
  const total = { dead: 0, kept: 0, expired: 0 };
  for (const store of stores) {
    for (let more = true; more;) {
      const slice = await store.sweep(limits, sliceSize);
      total.dead += slice.dead;
      total.kept += slice.kept;
      total.expired += slice.expired;
      more = slice.more;
    }
  }
  return total;
}
