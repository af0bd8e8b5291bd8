import { randomFillSync } from 'node:crypto';

/** Randomness as the toolkit sees it, so that a seed can replay a run. */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** An identifier that no other process makes: 22 characters of base64url, 128 bits. */
  id(): string;
}

const idBytes = 16;

/** Drawn ahead, because asking the machine costs more than all the rest of an identifier. Each byte is used once. */
const pool = Buffer.alloc(idBytes * 256);
let used = pool.length;

export const systemRandom: Random = {
  next: () => Math.random(),
  id: () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += idBytes;
    return pool.toString('base64url', used - idBytes, used);
  },
};
