const cr = 0x0d;
const lf = 0x0a;

/** Leading bytes of the RESP2 types that have a body. Anything else, inline commands too, is one line. */
const bulk = 0x24;
const array = 0x2a;

/**
 * Finds the ends of the top-level RESP2 values in a stream of bytes, however it is cut into chunks. Keeps counts, never
 * the bytes.
 */
export class RespScanner {
  /** Elements still missing, one entry for each open array. */
  readonly #missing: number[] = [];
  #line = '';
  #bodyLeft = 0;

  /** The offsets in `chunk` just behind each value that ends in it. */
  push(chunk: Buffer): number[] {
    const ends: number[] = [];
    let at = 0;
    while (at < chunk.length) {
      const body = Math.min(this.#bodyLeft, chunk.length - at);
      if (body > 0) {
        at += body;
        this.#bodyLeft -= body;
        if (this.#bodyLeft === 0 && this.#closeElement()) ends.push(at);
        continue;
      }
      const lineEnd = chunk.indexOf(lf, at);
      const next = lineEnd === -1 ? chunk.length : lineEnd + 1;
      this.#line += chunk.toString('latin1', at, next);
      at = next;
      if (lineEnd !== -1 && this.#closeLine()) ends.push(at);
    }
    return ends;
  }

  #closeLine(): boolean {
    const line = this.#line;
    this.#line = '';
    const length = Number(line.slice(1, line.charCodeAt(line.length - 2) === cr ? -2 : -1));
    if (line.charCodeAt(0) === bulk && length >= 0) {
      this.#bodyLeft = length + 2;
      return false;
    }
    if (line.charCodeAt(0) === array && length > 0) {
      this.#missing.push(length);
      return false;
    }
    return this.#closeElement();
  }

  /** Whether the element that just ended ends a top-level value as well. */
  #closeElement(): boolean {
    while (this.#missing.length > 0) {
      const left = this.#missing.pop()! - 1;
      if (left > 0) {
        this.#missing.push(left);
        return false;
      }
    }
    return true;
  }
}
