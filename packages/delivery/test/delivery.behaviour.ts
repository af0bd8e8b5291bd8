import type { BehaviourHarness } from '@lockstep/testing';
import { describe } from 'vitest';
import { adminBehaviour } from './behaviour/admin.ts';
import { consumerBehaviour } from './behaviour/consumer.ts';
import { enqueueBehaviour } from './behaviour/enqueue.ts';
import { leaseBehaviour } from './behaviour/leases.ts';
import { quickBehaviour } from './behaviour/quick.ts';
import { settlementBehaviour } from './behaviour/settlements.ts';

/** What the lease engine does, on any topology. */
export function deliveryBehaviour(harness: BehaviourHarness): void {
  describe('delivery', () => {
    enqueueBehaviour(harness);
    settlementBehaviour(harness);
    leaseBehaviour(harness);
    consumerBehaviour(harness);
    adminBehaviour(harness);
    quickBehaviour(harness);
  });
}
