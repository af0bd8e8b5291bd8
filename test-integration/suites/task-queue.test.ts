import { taskQueueBehaviour } from '../../packages/task-queue/test/task-queue.behaviour.ts';
import { onEveryTopology } from '../src/on-every-topology.ts';

onEveryTopology('task-queue', taskQueueBehaviour);
