/** The package that locks are shared with, and the part of it that is used; it has no types of its own. */
import { createRequire } from 'node:module';

export interface RedlockLock {
  readonly value: string;
  unlock(): Promise<void>;
  extend(ttlMs: number): Promise<RedlockLock>;
}

export interface Redlock {
  lock(resource: string, ttlMs: number): Promise<RedlockLock>;
}

type RedlockConstructor = new (
  clients: readonly unknown[],
  options?: { readonly retryCount?: number; readonly retryDelay?: number },
) => Redlock;

export const Redlock4 = createRequire(import.meta.url)('redlock') as RedlockConstructor;
