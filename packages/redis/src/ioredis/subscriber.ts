import type { SubscriberEvents, SubscriberLink } from '../driver.ts';
import { endClient, openClient, watchClient, type IoredisClient } from './link.ts';

/** The connection that only listens. Always ours, so always closed by us. */
export class IoredisSubscriber implements SubscriberLink {
  readonly #client: IoredisClient;
  #unwatch: () => void = () => {};

  constructor(client: IoredisClient) {
    this.#client = client;
  }

  open(events: SubscriberEvents): void {
    const unwatch = watchClient(this.#client, events);
    const onMessage = (channel: string, payload: string): void => events.message(channel, payload);
    this.#client.on('message', onMessage);
    this.#unwatch = () => {
      unwatch();
      this.#client.off('message', onMessage);
    };
    openClient(this.#client, events);
  }

  isReady(): boolean {
    return this.#client.status === 'ready';
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#client.subscribe(...channels);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#client.unsubscribe(...channels);
  }

  async ping(): Promise<void> {
    await this.#client.ping();
  }

  close(): void {
    this.#unwatch();
    endClient(this.#client);
  }
}
