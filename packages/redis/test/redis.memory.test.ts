import { memoryHarness } from '@lockstep/testing';
import { afterAll } from 'vitest';
import { redisBehaviour } from './redis.behaviour.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());
redisBehaviour(harness);
