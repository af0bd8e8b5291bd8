export { readLines } from './read-lines.ts';

export type { InputLine, ReadLinesOptions } from './read-lines.ts';
