import type { Logger } from '@lockstep/core';

/** Faults are what these tests make: that they are reported is tested elsewhere. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
