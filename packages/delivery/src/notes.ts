import type { Note } from './delivery.ts';

/** The field that a note is stored in, behind the item's id. */
export const noteFields: Readonly<Record<Note, string>> = {
  progress: '{p}',
  checkpoint: '{c}',
  routing: '{r}',
};
