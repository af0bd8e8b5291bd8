import { deliveryBehaviour } from '../../packages/delivery/test/delivery.behaviour.ts';
import { onEveryTopology } from '../src/on-every-topology.ts';

onEveryTopology('delivery', deliveryBehaviour);
