import { abortReason, ClosedError } from '@lockstep/core';

/** Whether a queue object still takes calls, and the end of those that wait. */
export class Closing {
  readonly #what: string;
  readonly #over = new AbortController();
  #begun = false;

  constructor(what: string) {
    this.#what = what;
  }

  /** @throws `ClosedError` from the moment when closing began. */
  assertOpen(): void {
    if (this.#begun) throw new ClosedError(this.#what);
  }

  /** New calls are refused; those that wait may still see what workers finish while they drain. */
  begin(): void {
    this.#begun = true;
  }

  /** Nothing more will come: whoever waits is told. */
  end(): void {
    this.#over.abort(new ClosedError(this.#what));
  }

  /** Runs `wait` with a signal that aborts with the caller's, and when the queue has closed. */
  async during<T>(signal: AbortSignal | undefined, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController();
    const sources = signal === undefined ? [this.#over.signal] : [signal, this.#over.signal];
    const stops = sources.map((source) => follow(source, own));
    try {
      return await wait(own.signal);
    } finally {
      for (const stop of stops) stop();
    }
  }
}

/** `AbortSignal.any` would keep something of every call for as long as the queue lives. */
function follow(source: AbortSignal, own: AbortController): () => void {
  const abort = (): void => own.abort(abortReason(source));
  if (source.aborted) abort();
  source.addEventListener('abort', abort, { once: true });
  return () => source.removeEventListener('abort', abort);
}
