import { memoryHarness } from '@lockstep/testing';
import { afterAll } from 'vitest';
import { deliveryBehaviour } from './delivery.behaviour.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());
deliveryBehaviour(harness);
