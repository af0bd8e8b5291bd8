import type { Redis } from '@lockstep/redis';

/** Either side of one script. */
export type ScriptSide = 'before' | 'after';

interface Sent {
  toWritable(): string | Buffer;
}

type Send = (command: Sent, ...rest: unknown[]) => Promise<unknown>;

/** Stands where a connection to one Redis sends the scripts of some keys, and does something at a chosen one of them. */
export class ScriptGate {
  readonly #mark: string;
  #passed = 0;
  #at = Infinity;
  #side: ScriptSide = 'before';
  #act: () => Promise<void> = () => Promise.resolve();

  /** `mark` is in the keys of the scripts that count. */
  constructor(redis: Redis, mark: string) {
    this.#mark = mark;
    const client = redis.client as unknown as { sendCommand: Send };
    const send = client.sendCommand.bind(client);
    client.sendCommand = (command, ...rest) =>
      this.#counts(command) ? this.#pass(() => send(command, ...rest)) : send(command, ...rest);
  }

  /** Acts once: before the n-th script from now on is sent, or before its reply is passed on. */
  arm(n: number, side: ScriptSide, act: () => Promise<void>): void {
    this.#passed = 0;
    this.#at = n;
    this.#side = side;
    this.#act = act;
  }

  /** Whether the script that was waited for has not come yet; it is waited for no longer. */
  disarm(): boolean {
    const waited = this.#at < Infinity;
    this.#at = Infinity;
    return waited;
  }

  #counts(command: Sent): boolean {
    const text = command.toWritable().toString();
    return text.includes('\r\neval') && text.includes(this.#mark);
  }

  async #pass(send: () => Promise<unknown>): Promise<unknown> {
    this.#passed += 1;
    const isIt = this.#passed === this.#at;
    if (!isIt) return send();
    this.#at = Infinity;
    if (this.#side === 'before') await this.#act();
    const reply = await send();
    if (this.#side === 'after') await this.#act();
    return reply;
  }
}
