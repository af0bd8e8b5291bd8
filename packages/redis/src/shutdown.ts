import { type CloseOptions, type CloseReport, type ErrorHandler } from '@lockstep/core';

/**
 * In which order parts close. `intake` takes no more work, drains and hands leases back; `ownership` gives up locks and
 * memberships; `state` flushes what is left.
 */
export type ClosePhase = 'intake' | 'ownership' | 'state';

/** Something created on a connection that must end before the connection does. */
export interface ClosablePart {
  readonly name: string;
  readonly phase: ClosePhase;
  close(options?: CloseOptions): Promise<CloseReport>;
}

const order: readonly ClosePhase[] = ['intake', 'ownership', 'state'];

/** What is open on a connection, and how it is closed: phase by phase, all parts of a phase at once. */
export class Shutdown {
  readonly #parts = new Set<ClosablePart>();
  readonly #report: ErrorHandler;

  constructor(report: ErrorHandler) {
    this.#report = report;
  }

  /** Returns the remover, for a part that is closed by itself. */
  add(part: ClosablePart): () => void {
    this.#parts.add(part);
    return () => void this.#parts.delete(part);
  }

  async close(options: CloseOptions): Promise<CloseReport[]> {
    const reports: CloseReport[] = [];
    for (const phase of order) {
      const parts = [...this.#parts].filter((part) => part.phase === phase);
      reports.push(...(await Promise.all(parts.map((part) => this.#closePart(part, options)))));
    }
    this.#parts.clear();
    return reports;
  }

  async #closePart(part: ClosablePart, options: CloseOptions): Promise<CloseReport> {
    try {
      return await part.close(options);
    } catch (error) {
      this.#report(error, { source: part.name, operation: 'close' });
      return { name: part.name, finished: 0, returned: 0, aborted: 0, errors: [error] };
    }
  }
}
