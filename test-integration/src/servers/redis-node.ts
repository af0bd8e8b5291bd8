import { eventually } from '@lockstep/testing';
import { Redis } from 'ioredis';
import type { ProcessSpec, Site, SiteProcess } from '../site/site.ts';

export interface NodeOptions extends ProcessSpec {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

const startTimeoutMs = 10_000;

/** One redis-server or redis-sentinel that a test can kill, freeze and question. */
export class RedisNode implements AsyncDisposable {
  readonly port: number;
  readonly #site: Site;
  readonly #options: NodeOptions;
  #process: SiteProcess | undefined;
  #admin: Redis | undefined;
  #frozen = false;

  constructor(site: Site, options: NodeOptions) {
    this.#site = site;
    this.#options = options;
    this.port = options.port;
  }

  get url(): string {
    const url = new URL(`redis://127.0.0.1:${this.port}`);
    url.username = this.#options.username ?? '';
    url.password = this.#options.password ?? '';
    return url.href;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Whether it can be asked anything: it runs and is not frozen. */
  get answers(): boolean {
    return this.running && !this.#frozen;
  }

  /** Starts it and waits until it answers and has loaded its data. Does nothing while it runs. */
  async start(): Promise<void> {
    if (this.running) return;
    const process = await this.#site.start(this.#options);
    this.#process = process;
    this.#frozen = false;
    // Its port may be answered by someone else: a process that has ended can never become ready.
    const over = new AbortController();
    void process.ended.then(() => over.abort(new Error('the process has ended')));
    const ready = eventually(() => this.#ping(), {
      timeoutMs: startTimeoutMs,
      intervalMs: 10,
      signal: over.signal,
    });
    await ready.catch(async (error: unknown) => {
      throw new Error(`${this.#options.name} did not start: ${await process.log()}`, { cause: error });
    });
  }

  /** Sends a command on a connection of our own that goes to this node only. */
  async command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    this.#admin ??= this.#connect();
    return this.#admin.call(name, ...args);
  }

  /** As {@link command}, with a reply that is not text. */
  async buffer(name: string, ...args: readonly (string | number)[]): Promise<Buffer | null> {
    this.#admin ??= this.#connect();
    return (await this.#admin.callBuffer(name, ...args)) as Buffer | null;
  }

  /** The value of one field of INFO. */
  async info(field: string): Promise<string | undefined> {
    const text = (await this.command('info')) as string;
    return new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(text)?.[1];
  }

  /** What it has logged since its first start. */
  async log(): Promise<string> {
    return (await this.#process?.log()) ?? '';
  }

  /** SIGKILL: what was not written is gone. */
  async kill9(): Promise<void> {
    await this.#process?.signal('KILL');
  }

  /** Starts again on the same port with the same data; a running node is shut down in order first. */
  async restart(): Promise<void> {
    await this.#process?.signal('TERM');
    await this.start();
  }

  /** SIGSTOP: connections stay open, connects succeed, nothing answers. */
  async stop(): Promise<void> {
    this.#frozen = true;
    await this.#process?.signal('STOP');
  }

  /** SIGCONT: goes on where {@link stop} froze it. */
  async cont(): Promise<void> {
    await this.#process?.signal('CONT');
    this.#frozen = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#admin?.disconnect();
    this.#admin = undefined;
    await this.#process?.signal('KILL');
  }

  async #ping(): Promise<void> {
    const reply = await this.command('ping');
    if (reply !== 'PONG') throw new Error(`PING was answered with ${String(reply)}`);
  }

  #connect(): Redis {
    const admin = new Redis(this.url, {
      autoResendUnfulfilledCommands: false,
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 10,
      commandTimeout: 2_000,
      disableClientInfo: true,
    });
    // While the node is down every attempt fails; the commands say so.
    admin.on('error', () => undefined);
    return admin;
  }
}
