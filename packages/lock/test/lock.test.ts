import { memoryHarness } from '@lockstep/testing';
import { afterAll } from 'vitest';
import { lockBehaviour } from './lock.behaviour.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());
lockBehaviour(harness);
