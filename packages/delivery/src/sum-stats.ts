import type { EngineStats } from './engine.ts';
import type { PartitionStats } from './scripts/stats.ts';

/** The partitions' counters as one queue's. */
export function sumStats(partitions: readonly PartitionStats[]): EngineStats {
  const sum = (field: Exclude<keyof PartitionStats, 'oldestReadyMs'>): number =>
    partitions.reduce((total, partition) => total + partition[field], 0);
  const ages = partitions.map(({ oldestReadyMs }) => oldestReadyMs).filter((age) => age !== undefined);
  return {
    ready: { critical: sum('critical'), high: sum('high'), normal: sum('normal'), low: sum('low') },
    delayed: sum('delayed'),
    leased: sum('leased'),
    dead: sum('dead'),
    kept: sum('kept'),
    enqueued: sum('enqueued'),
    completed: sum('completed'),
    failed: sum('failed'),
    died: sum('died'),
    cancelled: sum('cancelled'),
    expired: sum('expired'),
    reclaimed: sum('reclaimed'),
    redriven: sum('redriven'),
    paused: sum('paused') > 0,
    oldestReadyMs: ages.length === 0 ? undefined : Math.max(...ages),
    clockSteps: sum('steps'),
  };
}
