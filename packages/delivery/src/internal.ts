export { createEngine } from './create-engine.ts';
export { priorities } from './item.ts';

export type { Consumer, ConsumerOptions, ConsumerStats } from './consumer-options.ts';
export type { Delivery, Note } from './delivery.ts';
export type {
  CancelResult,
  DeadLetters,
  Engine,
  EngineOptions,
  EngineStats,
  ReceiveOptions,
  RedriveOptions,
  SweepOptions,
  SweepReport,
} from './engine.ts';
export type {
  DeadItem,
  EnqueueResult,
  ItemDetails,
  ItemFailure,
  ItemState,
  ItemView,
  NewItem,
  Outcome,
  Priority,
  Settlement,
} from './item.ts';
