import { join } from 'node:path';
import { connect } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { eventually, loadHistory, operationsOf } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { startProcess, type ChildExit } from '../src/queue-chaos/child-process.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { stormQueue } from '../src/queue-chaos/queues.ts';
import { scratchFolder } from '../src/queue-chaos/scratch-folder.ts';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startStandalone } from '../src/servers/standalone.ts';

const rounds = chaosProfile() === 'full' ? 20 : 2;
/** Longer than the test: what is not handed back stays leased. */
const leaseMs = 600_000;
/** Some end within the drain of 300 ms, some do not, and some have not begun. */
const durations = [0, 100, 200, 5_000, 60_000];
const concurrency = 20;
const tasks = 30;

interface Ending {
  readonly exit: ChildExit;
  readonly leased: number;
  /** Not completed, not waiting. */
  readonly missing: number;
  /** Completed although the handler did not end, or the other way round. */
  readonly mismatched: number;
  readonly burnt: number;
}

async function endOfService(signal: 'SIGTERM' | 'SIGKILL'): Promise<Ending> {
  await using folder = await scratchFolder();
  await using server = await startStandalone({ appendonly: 'always' });
  await using redis = await connect(server.url, { logger: silentLogger });
  const queue = createQueue({ redis, ...stormQueue('service', leaseMs) });
  const historyFile = join(folder.path, 'service.ndjson');
  await using child = await startProcess({
    role: 'service',
    name: 'service',
    url: server.url,
    queue: 'service',
    historyFile,
    leaseMs,
    concurrency,
  });
  await child.ready;
  await queue.enqueueMany(
    Array.from({ length: tasks }, (_, at) => ({
      name: 'work' as const,
      input: { ms: durations[at % durations.length]! },
    })),
  );
  await eventually(async () => expect((await queue.stats()).leased).toBeGreaterThanOrEqual(5));
  if (signal === 'SIGKILL') await child.kill();
  else child.signal('SIGTERM');
  const exit = await child.exited;
  const { leased, completed, ready, delayed } = await queue.stats();
  const ended = operationsOf(await loadHistory(historyFile)).filter(
    ({ f, type }) => f === 'run' && type === 'ok',
  );
  let burnt = 0;
  for await (const { attempts, deliveries } of queue.list({ state: 'ready' })) burnt += attempts + deliveries;
  return {
    exit,
    leased,
    missing: tasks - completed - ready.normal - delayed - leased,
    mismatched: Math.abs(completed - ended.length),
    burnt,
  };
}

describe('SIGTERM for a service with a worker and a subscription', { timeout: profileTimeoutMs }, () => {
  it('leaves no lease and no lost task, and the process ends by itself with code 0', async () => {
    for (let round = 0; round < rounds; round += 1) {
      expect(await endOfService('SIGTERM')).toEqual({
        exit: { code: 0, signal: null },
        leased: 0,
        missing: 0,
        mismatched: 0,
        burnt: 0,
      });
    }
  });

  it('is what hands the leases back: SIGKILL leaves them', async () => {
    expect((await endOfService('SIGKILL')).leased).toBeGreaterThan(0);
  });
});
