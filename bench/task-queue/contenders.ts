import { beeQueue } from './bee-queue.ts';
import { bullmq } from './bullmq.ts';
import type { Contender } from './contender.ts';
import { lockstep } from './lockstep.ts';

export const contenders: readonly Contender[] = [lockstep, bullmq, beeQueue];
