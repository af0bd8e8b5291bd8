import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { childBundle } from '../queue-chaos/child-bundle.ts';
import { machineNow } from '../queue-chaos/machine-clock.ts';
import { reaper } from '../site/reaper.ts';
import type { HolderSpec } from './holder-spec.ts';

const entry = fileURLToPath(new URL('holder.ts', import.meta.url));

/** A process of its own that takes locks. */
export class HolderProcess implements AsyncDisposable {
  readonly spec: HolderSpec;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #killedAt: number | undefined;
  #stopped = false;

  constructor(spec: HolderSpec, bundle: string) {
    this.spec = spec;
    this.#child = spawn(process.execPath, [bundle, JSON.stringify(spec)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const pid = this.#child.pid!;
    reaper.watch(pid);
    this.#exited = once(this.#child, 'close').then(() => reaper.forget(pid));
  }

  /** When SIGKILL was sent, on the machine's clock. */
  get killedAt(): number | undefined {
    return this.#killedAt;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  async ready(): Promise<void> {
    await once(this.#child, 'message');
  }

  stop(): void {
    this.#stopped = true;
    this.#child.kill('SIGSTOP');
  }

  continue(): void {
    this.#stopped = false;
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    // Before the signal: what it still did is then never taken for done after its death.
    this.#killedAt ??= machineNow();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

export async function startHolder(spec: HolderSpec): Promise<HolderProcess> {
  const holder = new HolderProcess(spec, await childBundle(entry));
  await holder.ready();
  return holder;
}
