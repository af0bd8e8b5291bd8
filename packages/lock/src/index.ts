export { fenced } from './fenced.ts';
export { createLocks, Locks } from './locks.ts';
export { Election } from './election.ts';
export { Latch } from './latch.ts';
export { ReadWriteLock } from './read-write-lock.ts';
export { Semaphore } from './semaphore.ts';
export { fenceGuardLua } from './scripts/fenced.ts';

export type { ReleaseOutcome } from './answer.ts';
export type { CampaignOptions, Leader } from './election.ts';
export type { Fenced, FencedValue, FenceGuard } from './fenced.ts';
export type { HeldLock, LockInspection, LockWaiter } from './inspection.ts';
export type { LockHandle } from './lock-handle.ts';
export type { LockStats } from './lock-stats.ts';
export type {
  AcquireOptions,
  ElectionOptions,
  FencedWriteOptions,
  LatchOptions,
  LatchWaitOptions,
  ListOptions,
  LocksOptions,
  TryAcquireOptions,
} from './options.ts';
export type { PermitHolder, PermitInspection } from './permit-inspection.ts';
export type { Lockable, LockedWork } from './primitive.ts';
export type { ReadWriteInspection, ReadWriteSide } from './read-write-lock.ts';
export type { PermitOptions, SemaphoreOptions } from './semaphore.ts';
