import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@lockstep/core';
import { childBundle } from '../../src/queue-chaos/child-bundle.ts';
import { startCluster } from '../../src/servers/cluster.ts';
import { startMasters } from '../../src/servers/masters.ts';
import type { NodeGroup } from '../../src/servers/node-group.ts';
import { reaper } from '../../src/site/reaper.ts';
import type { CellSpec, Fault, FromChild, Outcome } from './cell.ts';
import type { Defect } from './defects.ts';

const entry = fileURLToPath(new URL('child.ts', import.meta.url));
const limitMs = 60_000;

/** Runs one script against one library, in a process and on servers of its own. Undefined where it does not apply. */
export async function runCell(defect: Defect, contestant: string): Promise<Outcome | undefined> {
  await using servers = await startServers(defect);
  const urls = servers.nodes.map(({ url }) => url);
  const spec: CellSpec = { defect: defect.id, contestant, urls };
  const child = spawn(process.execPath, [await childBundle(entry), JSON.stringify(spec)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  reaper.watch(child.pid!);
  try {
    return await outcomeOf(child, servers);
  } finally {
    child.kill('SIGKILL');
    reaper.forget(child.pid!);
    await Promise.all(servers.nodes.map((node) => node.cont()));
  }
}

function startServers({ servers }: Defect): Promise<NodeGroup> {
  return servers === 'cluster' ? startCluster() : startMasters({ count: servers });
}

/** What the child says, or how it ended without saying anything. */
function outcomeOf(child: ChildProcess, servers: NodeGroup): Promise<Outcome | undefined> {
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve) => {
    const timer = systemClock.setTimer(() => resolve({ bad: true, text: 'no outcome in 60 s' }), limitMs);
    child.on('message', (message: FromChild) => {
      if ('fault' in message) void strike(servers, message.fault).then(() => child.send('done'));
      else {
        timer.cancel();
        resolve('outcome' in message ? message.outcome : undefined);
      }
    });
    child.once('close', () => {
      timer.cancel();
      resolve({ bad: true, text: `the process ends: ${causeIn(errors)}` });
    });
  });
}

async function strike({ nodes }: NodeGroup, fault: Fault): Promise<void> {
  if (fault.do === 'flush-scripts') await Promise.all(nodes.map((node) => node.command('script', 'flush')));
  else await nodes[fault.node]![fault.do]();
}

/** The line of an uncaught error that names it. */
function causeIn(errors: string): string {
  return /^\w*Error: .*$/m.exec(errors)?.[0].trim() ?? errors.trim().split('\n')[0] ?? 'no word';
}
