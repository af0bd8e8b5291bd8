import { capabilitiesOf, type Capabilities } from './capabilities.ts';
import type { ServerFacts } from './driver.ts';
import type { Topology } from './target.ts';

/** Who answers on a connection, and whether that is still the one it was. */
export class ServerIdentity {
  readonly #read: () => Promise<ServerFacts>;
  readonly #topology: Topology;
  readonly #known = new Set<string>();
  #capabilities: Capabilities;
  #met = false;
  #stale = false;
  #reading = false;

  constructor(topology: Topology, read: () => Promise<ServerFacts>) {
    this.#topology = topology;
    this.#read = read;
    this.#capabilities = capabilitiesOf(undefined, topology);
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Asks the servers. True when one answers that never did, the first time aside: it was promoted, restarted or added. */
  async learn(): Promise<boolean> {
    const facts = await this.#read();
    const strangers = facts.histories.filter((id) => !this.#known.has(id));
    for (const id of strangers) this.#known.add(id);
    this.#capabilities = capabilitiesOf(facts, this.#topology);
    const before = this.#met;
    this.#met = true;
    return before && strangers.length > 0;
  }

  /** Asks again because something changed; once more if it changes meanwhile. Calls `onStranger` as {@link learn} says. */
  async refresh(onStranger: () => void): Promise<void> {
    this.#stale = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#stale) {
      this.#stale = false;
      // Whoever does not answer now tells of a change when it does.
      if (await this.learn().catch(() => false)) onStranger();
    }
    this.#reading = false;
  }
}
