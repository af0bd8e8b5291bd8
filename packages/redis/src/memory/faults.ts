import type { Script } from '../script.ts';

/** Says of a command whether a planned fault hits it. */
export type CommandMatch = (command: string, args: readonly unknown[]) => boolean;

export interface PlannedFault {
  /** Which commands are hit; default all. */
  readonly match?: CommandMatch | undefined;
  /** How many are hit; default 1. */
  readonly times?: number | undefined;
}

/** A match for the calls of one script. */
export function callsOf(script: Script<never, never, never> | Pick<Script, 'variant'>): CommandMatch {
  const { sha, source } = script.variant('memory');
  return (command, args) =>
    (command === 'evalsha' && args[0] === sha) || (command === 'eval' && args[0] === source);
}

interface Plan {
  left: number;
  readonly match: CommandMatch;
  readonly error: Error;
  readonly when: 'before' | 'after';
}

export const connectionLost = (): Error => new Error('Connection is closed.');

/** What commands of a memory connection run into. Messages have their own switches: {@link MessageFaults}. */
export class MemoryFaults {
  readonly messages: MessageFaults;
  readonly #link: { lose(): void; restore(): void };
  #plans: Plan[] = [];
  #cut = false;

  constructor(link: { lose(): void; restore(): void }, messages: MessageFaults) {
    this.#link = link;
    this.messages = messages;
  }

  get disconnected(): boolean {
    return this.#cut;
  }

  /** The next matching commands are not executed and fail with this error, for example `new Error('READONLY ...')`. */
  failNext(error: Error, fault: PlannedFault = {}): void {
    this.#plan(error, 'before', fault);
  }

  /** The next matching commands are executed, but the connection breaks before the reply arrives. It comes back at once. */
  loseReply(fault: PlannedFault = {}): void {
    this.#plan(connectionLost(), 'after', fault);
  }

  /** Cuts the connection: commands fail unexecuted, messages are missed, nothing comes back until {@link reconnect}. */
  disconnect(): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#link.lose();
  }

  reconnect(): void {
    if (!this.#cut) return;
    this.#cut = false;
    this.#link.restore();
  }

  /** Called before a command is executed. Throws the fault that hits it. */
  beforeCommand(command: string, args: readonly unknown[]): void {
    if (this.#cut) throw connectionLost();
    const plan = this.#take('before', command, args);
    if (plan) throw plan.error;
  }

  /** Called after a command was executed. */
  afterCommand(command: string, args: readonly unknown[]): void {
    const plan = this.#take('after', command, args);
    if (!plan) return;
    this.#link.lose();
    this.#link.restore();
    throw plan.error;
  }

  #plan(error: Error, when: Plan['when'], { match = () => true, times = 1 }: PlannedFault): void {
    this.#plans.push({ left: times, match, error, when });
  }

  #take(when: Plan['when'], command: string, args: readonly unknown[]): Plan | undefined {
    const plan = this.#plans.find((candidate) => candidate.when === when && candidate.match(command, args));
    if (!plan) return undefined;
    plan.left -= 1;
    if (plan.left === 0) this.#plans = this.#plans.filter((candidate) => candidate !== plan);
    return plan;
  }
}

type Deliver = () => void;
type Treatment = (deliver: Deliver) => void;

/** What published messages run into on their way to this connection. Each switch treats the next `times` messages. */
export class MessageFaults {
  readonly #later: (deliver: Deliver, delayMs: number) => void;
  #treatments: Treatment[] = [];
  #held: Deliver[] = [];

  constructor(later: (deliver: Deliver, delayMs: number) => void) {
    this.#later = later;
  }

  drop(times = 1): void {
    this.#next(times, () => {});
  }

  duplicate(times = 1): void {
    this.#next(times, (deliver) => {
      deliver();
      deliver();
    });
  }

  delay(delayMs: number, times = 1): void {
    this.#next(times, (deliver) => this.#later(deliver, delayMs));
  }

  /** The next `count` messages arrive in reverse order, once the last of them is there. */
  reorder(count = 2): void {
    this.#next(count, (deliver) => {
      this.#held.unshift(deliver);
      if (this.#held.length < count) return;
      const batch = this.#held;
      this.#held = [];
      for (const held of batch) held();
    });
  }

  /** Called for each message. */
  pass(deliver: Deliver): void {
    const treat = this.#treatments.shift();
    if (treat) treat(deliver);
    else deliver();
  }

  #next(times: number, treat: Treatment): void {
    for (let n = 0; n < times; n += 1) this.#treatments.push(treat);
  }
}
