import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which the system gives ports to outgoing connections, with room for the Cluster bus. */
const lowest = 11_000;
const highest = 21_000;

/** A Cluster node listens there too. */
const busOffset = 10_000;

const attempts = 200;

/** Distinct ports of 127.0.0.1 that are free now, and whose Cluster bus ports are free as well. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < attempts && found.size < count; attempt++) {
    const port = randomInt(lowest, highest);
    if (!found.has(port) && (await isFree(port)) && (await isFree(port + busOffset))) found.add(port);
  }
  if (found.size < count) throw new Error(`found only ${found.size} of ${count} free ports on 127.0.0.1`);
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
