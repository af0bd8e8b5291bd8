import { redisBehaviour } from '../../packages/redis/test/redis.behaviour.ts';
import { onEveryTopology } from '../src/on-every-topology.ts';

onEveryTopology('redis', redisBehaviour);
