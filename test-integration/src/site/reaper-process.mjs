// Outlives the test process: when its standard input ends, however that came about, it ends what was registered and
// not forgotten since. Lines: `pid <n>`, `forget <n>`, `folder <path>`.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const pids = new Set();
const folders = new Set();

for await (const line of createInterface({ input: process.stdin })) {
  const space = line.indexOf(' ');
  const [word, value] = [line.slice(0, space), line.slice(space + 1)];
  if (word === 'pid') pids.add(Number(value));
  else if (word === 'forget') pids.delete(Number(value));
  else if (word === 'folder') folders.add(value);
}

for (const pid of pids) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
for (const folder of folders)
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
