import { connect } from '@lockstep/redis';
import { createLocks } from '@lockstep/lock';
const redis = await connect(`redis://127.0.0.1:${process.env.PORT}`, { prefix: 'bench:' });
const locks = createLocks({ redis });
if (false) {
  const c = redis.client as any;
  const orig = c.evalsha;
  let corked = false;
  c.evalsha = function (...a: unknown[]) {
    const st = c.stream;
    if (!corked && st) {
      corked = true;
      st.cork();
      process.nextTick(() => {
        corked = false;
        st.uncork();
      });
    }
    return orig.apply(c, a);
  };
}
const N = Number(process.env.N ?? 20000),
  F = Number(process.env.F ?? 50);
async function lane(i: number) {
  for (let k = 0; k < N / F; k++) {
    const l = await locks.acquire('p' + i, { ttlMs: 60000, waitMs: 600000 });
    await l.release();
  }
}
await Promise.all(Array.from({ length: F }, (_, i) => lane(i)));
const c0 = process.cpuUsage();
const t0 = performance.now();
const info = async () => {
  const s = await redis.client.info('cpu');
  return Number(/used_cpu_user:([\d.]+)/.exec(s)![1]) + Number(/used_cpu_sys:([\d.]+)/.exec(s)![1]);
};
const s0 = await info();
await Promise.all(Array.from({ length: F }, (_, i) => lane(i)));
const c = process.cpuUsage(c0);
const s1 = await info();
console.log(
  'node cpu us/cycle',
  ((c.user + c.system) / N).toFixed(1),
  'server cpu us/cycle',
  (((s1 - s0) * 1e6) / N).toFixed(1),
  'wall',
  (((performance.now() - t0) * 1000) / N).toFixed(1),
);
await redis.close();
