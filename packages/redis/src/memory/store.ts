import { systemClock, type Clock } from '@lockstep/core';

/** The mock's table of values, as its commands see it. */
export interface MockData {
  clear(): void;
  delete(key: string): void;
  get(key: string): unknown;
  has(key: string): boolean;
  keys(): string[];
  set(key: string, value: unknown): void;
  withKeyPrefix(prefix: string): MockData;
}

/** The mock's table of expiry times: wall-clock milliseconds of the machine. */
export interface MockExpires {
  clear(): void;
  get(key: string): number;
  set(key: string, timestamp: number | string): void;
  has(key: string): boolean;
  isExpired(key: string): boolean;
  delete(key: string): void;
  withKeyPrefix(prefix: string): MockExpires;
}

/**
 * Key expiry by an injected clock. The mock computes `Date.now() + ttl` and compares with `Date.now()`; what it hands
 * over is shifted into the injected clock's time, and shifted back when it asks.
 */
export class ClockedExpires implements MockExpires {
  readonly #clock: () => Clock;
  readonly #deadlines = new Map<string, number>();

  constructor(clock: () => Clock) {
    this.#clock = clock;
  }

  clear(): void {
    this.#deadlines.clear();
  }

  get(key: string): number {
    return this.#deadlines.get(key)! - this.#shift();
  }

  set(key: string, timestamp: number | string): void {
    this.#deadlines.set(key, Number(timestamp) + this.#shift());
  }

  has(key: string): boolean {
    return this.#deadlines.has(key);
  }

  isExpired(key: string): boolean {
    const deadline = this.#deadlines.get(key);
    return deadline !== undefined && deadline <= this.#clock().now();
  }

  delete(key: string): void {
    this.#deadlines.delete(key);
  }

  withKeyPrefix(): MockExpires {
    return this;
  }

  /** Milliseconds on the server. */
  now(): number {
    return this.#clock().now();
  }

  #shift(): number {
    return this.#clock().now() - systemClock.now();
  }
}

/** The mock's values with two Redis rules added: expiry by {@link ClockedExpires}, and no empty containers. */
export class ClockedData implements MockData {
  readonly #values: MockData;
  readonly #expires: ClockedExpires;
  readonly #suspects = new Set<string>();

  constructor(values: MockData, expires: ClockedExpires) {
    this.#values = values;
    this.#expires = expires;
  }

  clear(): void {
    this.#values.clear();
    this.#expires.clear();
  }

  delete(key: string): void {
    this.#expires.delete(key);
    this.#values.delete(key);
  }

  get(key: string): unknown {
    this.#expire(key);
    return this.#values.get(key);
  }

  has(key: string): boolean {
    this.#expire(key);
    return this.#values.has(key);
  }

  keys(): string[] {
    return this.#values.keys().filter((key) => !this.#expires.isExpired(key));
  }

  set(key: string, value: unknown): void {
    if (isEmpty(value)) this.#suspects.add(key);
    this.#values.set(key, value);
  }

  withKeyPrefix(): MockData {
    return this;
  }

  /**
   * Runs a command, which the mock does synchronously, with `Date.now()` standing at the server's time. Otherwise a real
   * millisecond may pass between the mock's own reading and ours, and a key expires that much too early.
   */
  atServerTime<T>(execute: () => T): T {
    const machineNow = Date.now;
    const serverNow = this.#expires.now();
    Date.now = () => serverNow;
    try {
      return execute();
    } finally {
      Date.now = machineNow;
    }
  }

  /** Redis deletes a list, set, hash or sorted set with its last element; the mock leaves it. Called after each command. */
  removeEmptied(): void {
    for (const key of this.#suspects) {
      if (this.#values.has(key) && isEmpty(this.#values.get(key))) this.delete(key);
    }
    this.#suspects.clear();
  }

  #expire(key: string): void {
    if (this.#expires.isExpired(key)) this.delete(key);
  }
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (value instanceof Map || value instanceof Set) return value.size === 0;
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false;
  return Object.keys(value).length === 0;
}
