import { Mutex } from 'redis-semaphore';
import { Redis } from 'ioredis';
const raw = new Redis(`redis://127.0.0.1:${process.env.PORT}`);
const N = Number(process.env.N ?? 20000),
  F = Number(process.env.F ?? 50);
async function lane(i: number) {
  for (let k = 0; k < N / F; k++) {
    const m = new Mutex(raw, 't' + i, { lockTimeout: 60000, acquireTimeout: 600000 });
    await m.acquire();
    await m.release();
  }
}
await Promise.all(Array.from({ length: F }, (_, i) => lane(i)));
const info = async () => {
  const s = await raw.info('cpu');
  return Number(/used_cpu_user:([\d.]+)/.exec(s)![1]) + Number(/used_cpu_sys:([\d.]+)/.exec(s)![1]);
};
const c0 = process.cpuUsage();
const s0 = await info();
await Promise.all(Array.from({ length: F }, (_, i) => lane(i)));
const c = process.cpuUsage(c0);
const s1 = await info();
console.log(
  'node cpu us/cycle',
  ((c.user + c.system) / N).toFixed(1),
  'server cpu us/cycle',
  (((s1 - s0) * 1e6) / N).toFixed(1),
);
raw.disconnect();
