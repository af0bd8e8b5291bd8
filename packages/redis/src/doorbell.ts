import type { MessageHandler, Subscription } from './subscriber-hub.ts';

/**
 * The process's own channel. A script that makes work for a sleeping waiter publishes the waiter's bell to the channel
 * of its process, so that one subscription serves every queue, lock and bus of the process.
 */
export class Doorbell {
  /** The channel to leave with a waiter's record. */
  readonly channel: string;
  readonly #subscribe: (channel: string, handler: MessageHandler) => Subscription;
  readonly #bells = new Map<string, () => void>();
  #subscription: Subscription | undefined;

  constructor(channel: string, subscribe: (channel: string, handler: MessageHandler) => Subscription) {
    this.channel = channel;
    this.#subscribe = subscribe;
  }

  /** Calls `ring` when `bell` is published to this process. Returns the remover. */
  on(bell: string, ring: () => void): () => void {
    this.#bells.set(bell, ring);
    this.#subscription ??= this.#subscribe(this.channel, (payload) => this.#bells.get(payload)?.());
    return () => {
      if (this.#bells.get(bell) === ring) this.#bells.delete(bell);
    };
  }

  /** Resolves once the channel is subscribed, so that a bell armed after it is heard. */
  get ready(): Promise<void> {
    return this.#subscription?.ready ?? Promise.resolve();
  }
}

/**
 * Lua: `ring(waiters, count)` takes up to `count` waiters from the list and publishes to each; one that nobody heard is
 * dropped and the next one taken. A waiter is `channel bell`: neither prefix nor process id has white space. Returns how many were rung.
 *
 * On Cluster PUBLISH counts the receivers of one node only, so zero does not mean unheard: there one extra is rung and
 * the slow poll behind every waiter covers the rest.
 */
export const ringLua = /* lua */ `
local function ring(waiters, count)
  local rung = 0
  local tries = 0
  while rung < count and tries < count + 16 do
    local waiter = redis.call('LPOP', waiters)
    if not waiter then break end
    tries = tries + 1
    local cut = string.find(waiter, ' ', 1, true)
    if redis.call('PUBLISH', string.sub(waiter, 1, cut - 1), string.sub(waiter, cut + 1)) > 0 then
      rung = rung + 1
    end
  end
  return rung
end
`;
