import type { BehaviourHarness } from '@lockstep/testing';
import { describe } from 'vitest';
import { adminBehaviour } from './behaviour/admin.ts';
import { consumerBehaviour } from './behaviour/consumer.ts';
import { enqueueBehaviour } from './behaviour/enqueue.ts';
import { expiryBehaviour } from './behaviour/expiry.ts';
import { leaseBehaviour } from './behaviour/leases.ts';
import { quickBehaviour } from './behaviour/quick.ts';
import { receiveBehaviour } from './behaviour/receive.ts';
import { settlementBehaviour } from './behaviour/settlements.ts';

/** What the lease engine does, on any topology. */
export function deliveryBehaviour(harness: BehaviourHarness): void {
  describe('delivery', () => {
    enqueueBehaviour(harness);
    expiryBehaviour(harness);
    settlementBehaviour(harness);
    leaseBehaviour(harness);
    receiveBehaviour(harness);
    consumerBehaviour(harness);
    adminBehaviour(harness);
    quickBehaviour(harness);
  });
}
