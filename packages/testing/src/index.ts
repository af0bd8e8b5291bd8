export { checkDelivery } from './check-delivery.ts';
export { checkExclusive } from './check-exclusive.ts';
export { checkLinearizable } from './check-linearizable.ts';
export { drain } from './drain.ts';
export { eventually } from './eventually.ts';
export { FaultProxy, faultProxy } from './fault-proxy.ts';
export { operationsOf } from './history.ts';
export { ManualClock } from './manual-clock.ts';
export { memoryConnection } from './memory-connection.ts';
export { MemoryHarness, memoryHarness } from './memory-harness.ts';
export { counterModel, registerModel, semaphoreModel } from './models.ts';
export { HistoryRecorder, loadHistory, mergeHistories, recordHistory } from './record-history.ts';

export type { BehaviourHarness, HarnessConnectOptions } from './behaviour.ts';
export type { CheckDeliveryOptions, DeliveryReport } from './check-delivery.ts';
export type {
  CheckExclusiveOptions,
  ExclusiveReport,
  ExclusiveViolation,
  Holding,
} from './check-exclusive.ts';
export type { CheckLinearizableOptions, LinearizableReport, SequentialModel } from './check-linearizable.ts';
export type { DrainableQueue, DrainableStats, DrainOptions } from './drain.ts';
export type { EventuallyOptions } from './eventually.ts';
export type { FaultProxyOptions, ProxyCounters, ProxyDirection, ProxyTarget } from './fault-proxy.ts';
export type { History, HistoryEntry, HistoryType, Operation } from './history.ts';
export type { ManualClockOptions, RemoveListener } from './manual-clock.ts';
export type { MemoryConnection, MemoryConnectionOptions } from './memory-connection.ts';
export type { Completion, Invocation, OpenOperation, RecordHistoryOptions } from './record-history.ts';
