import type { WriteStream } from 'node:tty';

type Sink = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/** What the shop says while it runs: lines that stay, and a status that a terminal shows in place. */
export class Output {
  readonly #sink: Sink;
  readonly #inPlace: boolean;
  #status = '';

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#inPlace = sink.isTTY === true;
  }

  line(text: string): void {
    this.#clear();
    this.#sink.write(`${text}\n`);
    this.#draw();
  }

  /** The state of things now; without a terminal a line like any other. */
  status(text: string): void {
    if (!this.#inPlace) return this.line(text);
    this.#clear();
    this.#status = text.slice(0, (this.#sink.columns ?? 80) - 1);
    this.#draw();
  }

  /** Leaves the last status standing. */
  endStatus(): void {
    if (this.#status !== '') this.#sink.write('\n');
    this.#status = '';
  }

  #clear(): void {
    if (this.#status !== '') this.#sink.write('\r\u001b[2K');
  }

  #draw(): void {
    if (this.#status !== '') this.#sink.write(this.#status);
  }
}
