import type { CellSpec, FromChild } from './cell.ts';
import type { Contestant } from './contestant.ts';
import { defects } from './defects.ts';
import { Lab } from './lab.ts';
import { ours } from './ours.ts';
import { redisSemaphore } from './redis-semaphore.ts';
import { redlocks } from './redlock.ts';
import { universal } from './universal.ts';

/** The entry of a process that runs one script against one library. */
const contestants: readonly Contestant[] = [ours, ...redlocks, universal, redisSemaphore];
const spec = JSON.parse(process.argv[2] ?? '') as CellSpec;

const defect = defects.find(({ id }) => id === spec.defect)!;
const contestant = contestants.find(({ name }) => name === spec.contestant)!;
const outcome = await defect.run(new Lab(contestant, spec.urls));
// Only once it is written may the process end: what hangs still hangs.
process.send!((outcome ? { outcome } : { inapplicable: true }) satisfies FromChild, () => process.exit(0));
