import { memoryHarness } from '@lockstep/testing';
import { afterAll } from 'vitest';
import { deliveryModel } from './delivery.model.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());
deliveryModel(harness, { runs: 7, step: 100 });
