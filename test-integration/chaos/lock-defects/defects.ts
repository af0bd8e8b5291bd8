import type { Outcome } from './cell.ts';
import { clockAhead, clockSteps } from './clock-scripts.ts';
import type { Lab } from './lab.ts';
import * as quorum from './quorum-scripts.ts';
import * as single from './single-scripts.ts';

export interface Defect {
  readonly id: string;
  /** What the script does. */
  readonly script: string;
  /** How many independent masters, or one Cluster. */
  readonly servers: number | 'cluster';
  run(lab: Lab): Promise<Outcome | undefined>;
}

/** Scripts of the defects that were found in the rivals. */
export const defects: readonly Defect[] = [
  {
    id: 'D1, 2 nodes',
    script: 'half of the masters are taken by somebody else; one attempt',
    servers: 2,
    run: quorum.splitMembership,
  },
  { id: 'D1, 4 nodes', script: 'the same with four', servers: 4, run: quorum.splitMembership },
  { id: 'D2', script: 'replies take 150 ms, time to live 100 ms', servers: 3, run: quorum.lateQuorum },
  {
    id: 'D3',
    script: 'three contenders, each nearest to another master, waiting for up to 2 s; 10 rounds',
    servers: 3,
    run: quorum.splitVote,
  },
  { id: 'D4', script: 'renewal at a time to live of 1 s, for 2 s', servers: 1, run: single.renewalLoop },
  {
    id: 'D5',
    script: 'the server freezes for 9 s under a lock of 2 s',
    servers: 1,
    run: single.frozenHolder,
  },
  {
    id: 'D6',
    script: 'two of three masters frozen during one attempt (time to live 30 s), then thawed',
    servers: 3,
    run: quorum.lateReply,
  },
  {
    id: 'D7',
    script: '40 locks on a Cluster, script caches emptied before each release',
    servers: 'cluster',
    run: single.coldCluster,
  },
  { id: 'D8', script: 'one of three masters frozen', servers: 3, run: (lab) => quorum.frozenMasters(lab, 1) },
  {
    id: 'D9',
    script: 'two of three masters frozen, waiting for up to 0.3 s',
    servers: 3,
    run: (lab) => quorum.frozenMasters(lab, 2),
  },
  {
    id: 'D10',
    script: 'a semaphore of 2 permits on three masters, three contenders',
    servers: 3,
    run: quorum.quorumSemaphore,
  },
  {
    id: 'D11',
    script: 'a semaphore of 1 permit, a client whose clock is 11 s ahead',
    servers: 1,
    run: clockAhead,
  },
  {
    id: 'D12',
    script: 'the reply to the acquisition of a free lock is lost, time to live 3 s',
    servers: 1,
    run: single.lostReply,
  },
  {
    id: 'D13',
    script: 'the event loop stalls for twice the time to live',
    servers: 1,
    run: single.stalledLoop,
  },
  { id: 'D14', script: 'the wall clock steps by an hour', servers: 1, run: clockSteps },
  {
    id: 'D15',
    script: 'a quorum of 1 of 3 is asked for; whether it is held is asked of a frozen server',
    servers: 3,
    run: quorum.failsOpen,
  },
  {
    id: 'D16',
    script: 'the key is deleted under a holder that gave no handler',
    servers: 1,
    run: single.lostWhileHeld,
  },
];
