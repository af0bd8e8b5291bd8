import { lockBehaviour } from '../../packages/lock/test/lock.behaviour.ts';
import { onEveryTopology } from '../src/on-every-topology.ts';

onEveryTopology('lock', lockBehaviour);
