/** One line of the input, or what keeps it from being one. */
export interface InputLine {
  /** Counts from 1. */
  readonly number: number;
  readonly text: string;
  /** Set when the bytes are not a line of text; `text` is empty then. */
  readonly problem?: string | undefined;
}

export interface ReadLinesOptions {
  /** Longer lines are reported and skipped, so that input without line ends does not fill the memory. */
  readonly maxLineBytes?: number | undefined;
}

const newline = 0x0a;
const byteOrderMark = '\uFEFF';

/** The lines of a stream of bytes, whatever its size: one chunk and one line are held at a time. Blank lines are left out. */
export async function* readLines(
  input: AsyncIterable<Buffer>,
  { maxLineBytes = 1024 * 1024 }: ReadLinesOptions = {},
): AsyncGenerator<InputLine> {
  const line = new LineBuffer(maxLineBytes);
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      line.add(chunk.subarray(start, end));
      start = end + 1;
      const ended = line.end();
      if (ended) yield ended;
    }
    line.add(chunk.subarray(start));
  }
  const last = line.end();
  if (last) yield last;
}

class LineBuffer {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #number = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= this.#maxBytes) this.#parts.push(part);
    else this.#parts = [];
  }

  /** The line that has come to its end; nothing for a blank one. */
  end(): InputLine | undefined {
    const bytes = this.#bytes;
    const parts = this.#parts;
    const number = (this.#number += 1);
    this.#parts = [];
    this.#bytes = 0;
    if (bytes > this.#maxBytes)
      return { number, text: '', problem: `is longer than ${this.#maxBytes} bytes` };
    try {
      const text = this.#decoder.decode(Buffer.concat(parts));
      const stripped = number === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text;
      return stripped.trim() === '' ? undefined : { number, text: stripped };
    } catch {
      return { number, text: '', problem: 'is not UTF-8' };
    }
  }
}
