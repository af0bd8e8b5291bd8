import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { reaper } from './reaper.ts';
import { configFile } from './site.ts';
import type { ProcessSpec, Signal, Site, SiteProcess } from './site.ts';

/** Runs the redis-server and redis-sentinel on PATH, in a temporary folder. */
export async function openBinarySite(portCount: number): Promise<Site> {
  const ports = await freePorts(portCount);
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-redis-'));
  reaper.watchFolder(folder);
  return new BinarySite(ports, folder);
}

class BinarySite implements Site {
  readonly kind = 'binary';
  readonly ports: readonly number[];
  readonly #folder: string;
  readonly #processes = new Set<BinaryProcess>();

  constructor(ports: readonly number[], folder: string) {
    this.ports = ports;
    this.#folder = folder;
  }

  async start(spec: ProcessSpec): Promise<SiteProcess> {
    const folder = join(this.#folder, spec.name);
    await mkdir(folder, { recursive: true });
    const config = join(folder, 'conf');
    // Sentinel keeps its state in its configuration file.
    if (!(await exists(config))) {
      await writeFile(config, configFile(spec, folder, '127.0.0.1'));
      for (const [name, text] of Object.entries(spec.files ?? {})) await writeFile(join(folder, name), text);
    }
    const child = spawn(spec.program, [config], { stdio: 'ignore' });
    const process = new BinaryProcess(child, join(folder, 'log'));
    await process.spawned();
    this.#processes.add(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.signal('KILL')));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

class BinaryProcess implements SiteProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly ended: Promise<void>;
  #exited = false;

  constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        this.#exited = true;
        reaper.forget(child.pid!);
        resolve();
      });
    });
  }

  async spawned(): Promise<void> {
    await once(this.#child, 'spawn');
    reaper.watch(this.#child.pid!);
    // A test that forgets to dispose may end all the same: the reaper sees to the process then.
    this.#child.unref();
  }

  get running(): boolean {
    return !this.#exited;
  }

  async signal(signal: Signal): Promise<void> {
    if (this.#exited) return;
    this.#child.kill(`SIG${signal}`);
    if (signal !== 'KILL' && signal !== 'TERM') return;
    this.#child.ref();
    await this.ended;
  }

  async log(): Promise<string> {
    return readFile(this.#logFile, 'utf8').catch(() => '');
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
