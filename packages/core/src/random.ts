import { randomBytes } from 'node:crypto';

/** Randomness as the toolkit sees it, so that a seed can replay a run. */
export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** An identifier that no other process makes: 22 characters of base64url, 128 bits. */
  id(): string;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  id: () => randomBytes(16).toString('base64url'),
};
