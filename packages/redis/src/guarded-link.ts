import type { Clock } from '@lockstep/core';
import type { AdminClient, ScriptArgument } from './client.ts';
import type { Driver, ScriptLink, WireCall } from './driver.ts';
import { ConfirmedReply, GroupCommit, type Confirmation, type PendingWrite } from './group-commit.ts';
import { lateReply, type Script, type ScriptCall } from './script.ts';

/** A reply, and how many replicas had the write when it was given. */
export interface Durable<Reply> {
  readonly reply: Reply;
  /** `undefined` where nobody was asked: without `durability`, and on memory. */
  readonly replicated: number | undefined;
}

interface Lane {
  readonly client: AdminClient;
  readonly commits: GroupCommit;
}

interface GuardedParts {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly confirmation: Confirmation;
}

/** Sends scripts over one extra connection (on Cluster one per master) and has replicas confirm each batch. */
export class GuardedLink implements ScriptLink {
  readonly #parts: GuardedParts;
  readonly #lanes = new Map<AdminClient, Lane>();
  #closed = false;

  constructor(parts: GuardedParts) {
    this.#parts = parts;
  }

  send(call: WireCall, deadline: number, signal: AbortSignal | undefined): Promise<unknown> {
    const lane = this.#lane(call.keyCount > 0 ? call.args[0] : undefined);
    if (lane === undefined || lane.client.status !== 'ready') return Promise.reject(new Error(notConnected));
    return this.#queue(lane, call, deadline, signal).catch((error: unknown) => {
      if (!isRedirect(error)) throw error;
      // During a migration the key may live where no lane leads. The write is made the ordinary way; nobody confirms it.
      return this.#parts.driver.scripts.send(call, deadline, signal).then(unconfirmed);
    });
  }

  close(): void {
    this.#closed = true;
    for (const { client } of this.#lanes.values()) client.disconnect();
    this.#lanes.clear();
  }

  #queue(
    { commits }: Lane,
    call: WireCall,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { clock } = this.#parts;
    return new Promise((resolve, reject) => {
      // What has not been sent when its caller gives up must not be sent any more.
      const giveUp = (): void => {
        if (commits.withdraw(write)) write.reject(new Error(notSent));
      };
      const timer = clock.setTimer(giveUp, deadline - clock.monotonic());
      signal?.addEventListener('abort', giveUp, { once: true });
      const settled = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', giveUp);
      };
      const write: PendingWrite = {
        ...call,
        resolve: (outcome) => {
          settled();
          resolve(outcome.reply === lateReply ? lateReply : outcome);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      commits.add(write);
    });
  }

  #lane(key: ScriptArgument | undefined): Lane | undefined {
    const shared = this.#closed ? undefined : this.#parts.driver.lane(key);
    if (shared === undefined) return undefined;
    let lane = this.#lanes.get(shared);
    if (lane === undefined) {
      lane = this.#open(shared);
      this.#lanes.set(shared, lane);
    }
    return lane;
  }

  #open(shared: AdminClient): Lane {
    const client = this.#parts.driver.createLane(shared);
    client.on('error', () => {});
    // On Cluster a lane ends with its node; elsewhere it comes back by itself.
    client.on('end', () => this.#lanes.delete(shared));
    client.connect().catch(() => {});
    return { client, commits: new GroupCommit(client, this.#parts.confirmation) };
  }
}

const notConnected = 'No connection to the master of this slot';
const notSent = 'Not sent: the writes before it wait for replicas';

function isRedirect(error: unknown): boolean {
  return error instanceof Error && /^(ASK|MOVED) /.test(error.message);
}

function unconfirmed(reply: unknown): unknown {
  return reply === lateReply ? lateReply : new ConfirmedReply(reply, 0);
}

/** The same call, with a reply that says by how many replicas it is held. */
export function durableCall<Reply>(call: ScriptCall<Reply>): ScriptCall<Durable<Reply>> {
  const { script } = call;
  const durable: Script<string, string, Durable<Reply>> = {
    ...script,
    parse: (raw) => {
      const { reply, replicated } = raw as ConfirmedReply;
      return { reply: script.parse(reply), replicated };
    },
  };
  return { ...call, script: durable };
}
