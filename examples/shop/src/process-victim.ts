import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { serveProvider, type FlakyProvider } from '@lockstep-shop/payments';
import type { Victim } from './victim.ts';

export interface ProcessVictimOptions {
  readonly url: string;
  readonly prefix: string;
  readonly name: string;
  readonly concurrency: number;
  readonly latencyMs: number;
  readonly provider: FlakyProvider;
}

/** On a real Redis the victim is a process of its own, and dies by SIGKILL. It reaches the provider over HTTP. */
export async function startProcessVictim(options: ProcessVictimOptions): Promise<Victim> {
  const { name, provider } = options;
  const server = await serveProvider(provider);
  const child = startWorker(options, server.url);
  const exited = once(child, 'exit');
  await Promise.race([once(child, 'message'), exited]);
  let buried: Promise<void> | undefined;
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const bury = async (): Promise<void> => {
    await kill();
    await server[Symbol.asyncDispose]();
  };
  return {
    name,
    isBusy: () => child.exitCode === null && provider.ledger.requestsOf(name) > 0,
    async kill() {
      await kill();
      return `(process ${child.pid}) is killed by SIGKILL`;
    },
    bury: () => (buried ??= bury()),
  };
}

function startWorker(
  { url, prefix, name, concurrency, latencyMs }: ProcessVictimOptions,
  provider: string,
): ChildProcess {
  const entry = fileURLToPath(import.meta.resolve('@lockstep-shop/payments/worker-process'));
  const flags = { name, prefix, provider, concurrency, 'latency-ms': latencyMs };
  const argv = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  // The URL may carry a password: the environment is not listed by ps, arguments are.
  return fork(entry, argv, { env: { ...process.env, REDIS_URL: url } });
}
