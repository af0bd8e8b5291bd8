import { spawn, type ChildProcess, type Serializable } from 'node:child_process';
import { once } from 'node:events';
import { reaper } from '../site/reaper.ts';
import { childBundle } from './child-bundle.ts';
import type { ChildSpec } from './child-spec.ts';
import { machineNow } from './machine-clock.ts';

const keptErrorCharacters = 4_000;

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of its own that works on a queue. Killing the test process ends it too. */
export class QueueProcess implements AsyncDisposable {
  readonly spec: ChildSpec;
  /** Resolves when it works on the queue; rejects with what it printed when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<ChildExit>;
  readonly #child: ChildProcess;
  #readyAt: number | undefined;
  #killedAt: number | undefined;
  #exit: ChildExit | undefined;
  #errors = '';

  /** `entry` is what {@link childBundle} made. */
  constructor(spec: ChildSpec, entry: string) {
    this.spec = spec;
    this.#child = spawn(process.execPath, [entry, JSON.stringify(spec)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    reaper.watch(this.pid);
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-keptErrorCharacters);
    });
    this.exited = this.#exited();
    this.ready = this.#becomesReady();
    // Whoever does not wait for it sees in `exited` what became of it.
    this.ready.catch(() => undefined);
  }

  get name(): string {
    return this.spec.name;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** It works and was not killed. */
  get working(): boolean {
    return this.#readyAt !== undefined && this.#killedAt === undefined && this.#exit === undefined;
  }

  /** On the machine's clock. */
  get readyAt(): number | undefined {
    return this.#readyAt;
  }

  /** When SIGKILL was sent, on the machine's clock. */
  get killedAt(): number | undefined {
    return this.#killedAt;
  }

  /** What it printed to standard error last. */
  get errors(): string {
    return this.#errors;
  }

  /** SIGKILL. Resolves when the process has ended. */
  async kill(): Promise<void> {
    if (this.#exit !== undefined) return;
    // Before the signal: what the process still did is then never taken for done after its death.
    this.#killedAt ??= machineNow();
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** What it sends its parent. */
  onMessage(listener: (message: Serializable) => void): void {
    this.#child.on('message', listener);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #becomesReady(): Promise<void> {
    const told = this.#tellsThatItIsReady();
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`${this.name} ended (${code ?? signal}) before it was ready: ${this.#errors}`);
    });
    await Promise.race([told, ended]);
    this.#readyAt = machineNow();
  }

  #tellsThatItIsReady(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.on('message', (message) => {
        if (message === 'ready') resolve();
      });
    });
  }

  async #exited(): Promise<ChildExit> {
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
    reaper.forget(this.pid);
    this.#exit = { code, signal };
    return this.#exit;
  }
}

export async function startProcess(spec: ChildSpec): Promise<QueueProcess> {
  return new QueueProcess(spec, await childBundle());
}
