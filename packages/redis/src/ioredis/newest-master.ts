import { systemClock } from '@lockstep/core';
import { SentinelConnector, type SentinelAddress } from 'ioredis';
import type { AdminClient } from '../client.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a sentinel believes the master to be, and since which failover: epochs rise with each. */
interface Belief {
  readonly address: Address | null;
  readonly epoch: number;
}

/** What ioredis's connector keeps to itself. Both majors agree in it. */
interface ConnectorInternals {
  readonly options: { readonly name: string };
  readonly sentinelIterator: { readonly sentinels: readonly SentinelAddress[] };
  connectToSentinel(sentinel: SentinelAddress, options?: object): AdminClient;
  updateSentinels(client: AdminClient): Promise<void>;
  sentinelNatResolve(address: Address | null): Address | null;
  /** Listens for a failover while a connection is up, and ends it by `disconnect` when it hears of one. */
  failoverDetector: { readonly isDisconnected: boolean; cleanup(): void } | null;
  connect(eventEmitter: unknown): Promise<unknown>;
  disconnect(): void;
}

const Connector = SentinelConnector as unknown as new (options: unknown) => ConnectorInternals;

/** How long sentinels are waited for that answer later than the first. */
const graceMs = 250;

/**
 * Finds the master by asking every sentinel and believing the one that knows of the latest failover. ioredis believes the
 * first that answers: one that was frozen or cut off names the old master for a while, which may be back by then, still
 * thinks that it is the master, and acknowledges writes that will be gone.
 */
export class NewestMasterConnector extends Connector {
  #isLooking = false;

  override connect(eventEmitter: unknown): Promise<unknown> {
    this.#isLooking = true;
    return super.connect(eventEmitter).finally(() => (this.#isLooking = false));
  }

  /**
   * The detector of the connection before still listens while the next one is looked for. What it hears of then is being
   * asked for anyway; and an attempt that it ended would be taken for the wish of the user: ioredis makes no other.
   */
  override disconnect(): void {
    if (this.#isLooking && this.failoverDetector?.isDisconnected) this.#forgetDetector();
    else super.disconnect();
  }

  #forgetDetector(): void {
    this.failoverDetector?.cleanup();
    this.failoverDetector = null;
  }

  /** Takes the place of ioredis's own, which asks one sentinel. */
  async resolve(sentinel: SentinelAddress): Promise<Address | null> {
    const { sentinels } = this.sentinelIterator;
    const clients = sentinels.map((each) => this.connectToSentinel(each));
    const beliefs: Belief[] = [];
    const asked = clients.map(async (client) => beliefs.push(await this.#ask(client)));
    try {
      await firstOf(asked, sentinels.indexOf(sentinel));
      await withinGrace(Promise.allSettled(asked));
      return this.sentinelNatResolve(newest(beliefs).address);
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  /** Also for the connections that listen for a failover: ioredis prints the errors of those to the console. */
  override connectToSentinel(sentinel: SentinelAddress, options?: object): AdminClient {
    const client = super.connectToSentinel(sentinel, options);
    client.on('error', () => {});
    return client;
  }

  async #ask(client: AdminClient): Promise<Belief> {
    const { name } = this.options;
    const fields = (await client.call('sentinel', 'master', name).catch(refused)) as string[] | undefined;
    const belief = fields === undefined ? await oldStyle(client, name) : beliefOf(fields);
    await this.updateSentinels(client);
    return belief;
  }
}

/** A sentinel that does not know the master, or whose ACL has only the older question. */
function refused(error: Error): undefined {
  if (error.name !== 'ReplyError') throw error;
}

async function oldStyle(client: AdminClient, name: string): Promise<Belief> {
  const reply = (await client.call('sentinel', 'get-master-addr-by-name', name)) as [string, string] | null;
  return { address: reply && { host: reply[0], port: Number(reply[1]) }, epoch: -1 };
}

function beliefOf(fields: readonly string[]): Belief {
  const field = (name: string): string => fields[fields.indexOf(name) + 1]!;
  return {
    address: { host: field('ip'), port: Number(field('port')) },
    epoch: Number(field('config-epoch')),
  };
}

function newest(beliefs: readonly Belief[]): Belief {
  return beliefs.reduce((best, belief) =>
    best.address === null || belief.epoch > best.epoch ? belief : best,
  );
}

/** Rejects, when none answers, with the error of the one that ioredis thinks it asked. */
async function firstOf(asked: readonly Promise<unknown>[], position: number): Promise<void> {
  await Promise.any(asked).catch((error: AggregateError) => {
    throw error.errors[position];
  });
}

/** Real servers answer in real time: not the injected clock. */
function withinGrace(all: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = systemClock.setTimer(resolve, graceMs);
    void all.then(() => {
      timer.cancel();
      resolve();
    });
  });
}
