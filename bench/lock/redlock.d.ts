/** The part of redlock 4.2 that is used here; the package has no types of its own. */
declare module 'redlock' {
  export interface Lock {
    unlock(): Promise<void>;
  }

  export default class Redlock {
    constructor(clients: readonly unknown[], options?: { readonly retryCount?: number });
    lock(resource: string, ttlMs: number): Promise<Lock>;
    on(event: 'clientError', listener: (error: unknown) => void): this;
  }
}
