import type { Outcome } from './cell.ts';
import type { Watched } from './contestant.ts';
import type { Lab } from './lab.ts';
import { pause, seconds, settledWithin, told } from './settled.ts';

/** D4. The library's own renewal at a time to live of 1 s. */
export async function renewalLoop(lab: Lab): Promise<Outcome | undefined> {
  const { keep } = await lab.open();
  if (keep === undefined) return undefined;
  let perSecond = 0;
  await keep(lab.name(), { ttlMs: 1_000, handled: true }, async () => {
    const before = await lab.scripts();
    await pause(2_000);
    perSecond = ((await lab.scripts()) - before) / 2;
  });
  return { bad: perSecond > 100, text: `${Math.round(perSecond)} scripts/s` };
}

/** D5. The server freezes; when the holder hears of it. The lock cannot outlive the freeze by more than its 2 s. */
export async function frozenHolder(lab: Lab): Promise<Outcome | undefined> {
  const { keep } = await lab.open();
  if (keep === undefined) return undefined;
  const ttlMs = 2_000;
  let toldAfterMs: number | undefined;
  const keeping = keep(lab.name(), { ttlMs, handled: true }, async (watched) => {
    await pause(300);
    await lab.stop(0);
    toldAfterMs = await toldAfter(watched, 9_000);
    await lab.cont(0);
  });
  await keeping.catch(() => undefined);
  const text =
    toldAfterMs === undefined ? 'not told in 9.0 s' : `told ${seconds(toldAfterMs)} after the freeze`;
  return { bad: toldAfterMs === undefined || toldAfterMs > ttlMs, text };
}

async function toldAfter(watched: Watched, limitMs: number): Promise<number | undefined> {
  const start = performance.now();
  while (performance.now() - start < limitMs) {
    if (watched.told()) return performance.now() - start;
    await pause(5);
  }
  return undefined;
}

/** D12. The reply to the acquisition of a free lock is lost, time to live 3 s. */
export async function lostReply(lab: Lab): Promise<Outcome> {
  const [proxy] = await lab.proxies();
  const locks = await lab.open([proxy!.url]);
  const name = lab.name();
  proxy!.swallowReply({ match: name });
  const settled = await settledWithin(locks.acquire(name, { ttlMs: 3_000, waitMs: 8_000 }), 9_000);
  return { bad: settled.how !== 'resolved' || settled.ms > 1_000, text: told(settled) };
}

/** D13. The event loop stalls for twice the time to live; what the first look says. */
export async function stalledLoop(lab: Lab): Promise<Outcome | undefined> {
  const { keep } = await lab.open();
  if (keep === undefined) return undefined;
  let believes: boolean | undefined;
  const keeping = keep(lab.name(), { ttlMs: 1_000, handled: true }, async (watched) => {
    await pause(20);
    const end = performance.now() + 2_000;
    while (performance.now() < end);
    believes = watched.believes();
  });
  await keeping.catch(() => undefined);
  if (believes === undefined) throw new Error('it was never held');
  return { bad: believes, text: believes ? 'still says it holds' : 'says it is over' };
}

/** D16. The lock is lost while it is held; no handler is given. That the process dies is for its parent to see. */
export async function lostWhileHeld(lab: Lab): Promise<Outcome | undefined> {
  const { keep } = await lab.open();
  if (keep === undefined) return undefined;
  const name = lab.name();
  let wasTold = false;
  const keeping = keep(name, { ttlMs: 1_000, handled: false }, async (watched) => {
    await lab.remove(name);
    wasTold = (await toldAfter(watched, 3_000)) !== undefined;
  });
  await keeping.catch(() => undefined);
  await pause(200);
  return { bad: !wasTold, text: wasTold ? 'told; the process lives' : 'not told; the process lives' };
}

/** D7. 40 locks on a Cluster of three masters whose script caches are emptied before each release. */
export async function coldCluster(lab: Lab): Promise<Outcome> {
  const locks = await lab.contestant.open(lab.urls, { cluster: true });
  const held = await Promise.all(
    Array.from({ length: 40 }, () => locks.acquire(lab.name(), { ttlMs: 30_000, waitMs: 2_000 })),
  );
  let failed = 0;
  for (const lock of held) {
    await lab.flushScripts();
    await lock.release().catch(() => (failed += 1));
  }
  return { bad: failed > 0, text: `${failed} of 40 releases failed` };
}
