import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/**
 * Makes sure that nothing outlives this process, not even after SIGKILL: a small second process holds the list of what
 * was started, and acts when its standard input ends.
 */
class Reaper {
  #input: Writable | undefined;

  watch(pid: number): void {
    this.#tell(`pid ${pid}`);
  }

  /** The process has ended; its id may soon belong to someone else. */
  forget(pid: number): void {
    this.#tell(`forget ${pid}`);
  }

  watchFolder(path: string): void {
    this.#tell(`folder ${path}`);
  }

  #tell(line: string): void {
    this.#input ??= startReaper();
    this.#input.write(`${line}\n`);
  }
}

export const reaper = new Reaper();

function startReaper(): Writable {
  const script = fileURLToPath(new URL('reaper-process.mjs', import.meta.url));
  // Detached: a Ctrl-C in the terminal goes to the whole process group and must not end it.
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  (child.stdin as Writable & { unref(): void }).unref();
  return child.stdin;
}
