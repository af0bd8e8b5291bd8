import { open } from 'node:fs/promises';

const granted = '"type":"ok","f":"acquire"';
const chunkBytes = 1 << 20;

/** Counts the grants in histories that are still being written, reading each byte once. */
export class GrantCounter {
  readonly #files = new Map<string, { offset: number; cut: string }>();
  #grants = 0;

  /** All grants so far in these files and in those of earlier calls. */
  async count(files: readonly string[]): Promise<number> {
    for (const file of files) await this.#read(file);
    return this.#grants;
  }

  async #read(file: string): Promise<void> {
    const state = this.#files.get(file) ?? { offset: 0, cut: '' };
    this.#files.set(file, state);
    // A process makes its file when it starts.
    const handle = await open(file, 'r').catch(() => undefined);
    if (handle === undefined) return;
    const buffer = Buffer.alloc(chunkBytes);
    try {
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, chunkBytes, state.offset);
        if (bytesRead === 0) return;
        state.offset += bytesRead;
        const text = state.cut + buffer.toString('latin1', 0, bytesRead);
        const lines = text.split(granted);
        this.#grants += lines.length - 1;
        // What is looked for may lie across the end; it is never whole in the part that is kept.
        state.cut = lines.at(-1)!.slice(1 - granted.length);
      }
    } finally {
      await handle.close();
    }
  }
}
