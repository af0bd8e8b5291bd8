import type { Outcome } from './cell.ts';
import type { Lab } from './lab.ts';
import { pause, seconds, settledWithin, told } from './settled.ts';

const patienceMs = 8_000;

/** D1. Half of the masters, an even number, are taken by somebody else; one attempt. */
export async function splitMembership(lab: Lab): Promise<Outcome> {
  const locks = await lab.open();
  const name = lab.name();
  await lab.occupy(name, lab.urls.length / 2);
  const settled = await settledWithin(locks.acquire(name, { ttlMs: 10_000, waitMs: 0 }), patienceMs);
  return { bad: settled.how !== 'rejected', text: told(settled) };
}

/** D2. Replies take 150 ms, the lock would live for 100. */
export async function lateQuorum(lab: Lab): Promise<Outcome> {
  const proxies = await lab.proxies();
  const locks = await lab.open(proxies.map(({ url }) => url));
  for (const proxy of proxies) proxy.delay(150, 'replies');
  const name = lab.name();
  const settled = await settledWithin(locks.acquire(name, { ttlMs: 100, waitMs: 0 }), patienceMs);
  if (settled.how !== 'resolved') return { bad: settled.how === 'open', text: told(settled) };
  const isHeld = (await lab.heldOn(name)) > lab.urls.length / 2;
  const says = settled.value.isValid() ? 'says it is valid' : 'says it is over';
  return { bad: !isHeld, text: `granted after its end; the handle ${says}` };
}

const rounds = 10;

/** D3. Three contenders, each the nearest to another master; the time to the first winner. */
export async function splitVote(lab: Lab): Promise<Outcome> {
  const contenders = await Promise.all(lab.urls.map((_, own) => nearestTo(lab, own)));
  const firsts: number[] = [];
  let failed = 0;
  for (let round = 0; round < rounds; round += 1) {
    const name = lab.name();
    const start = performance.now();
    let first: number | undefined;
    await Promise.all(
      contenders.map(async (locks) => {
        const lock = await locks.acquire(name, { ttlMs: 10_000, waitMs: 2_000 }).catch(() => undefined);
        if (lock === undefined) failed += 1;
        else first ??= performance.now() - start;
        await lock?.release().catch(() => undefined);
      }),
    );
    firsts.push(first ?? Infinity);
  }
  const won = firsts.filter((ms) => ms < Infinity).sort((a, b) => a - b);
  const worst = won.length === 0 ? 'nobody' : `worst ${seconds(won.at(-1)!)}`;
  const without = rounds - won.length;
  return {
    bad: without > 0 || won.at(-1)! >= 1_000,
    text: `${without} of ${rounds} rounds without a winner, ${worst}; ${failed} of ${3 * rounds} gave up`,
  };
}

async function nearestTo(lab: Lab, own: number): Promise<Awaited<ReturnType<Lab['open']>>> {
  const proxies = await lab.proxies();
  const locks = await lab.open(proxies.map(({ url }) => url));
  proxies.forEach((proxy, node) => proxy.delay(node === own ? 0 : 30, 'requests'));
  return locks;
}

/** D6. Two of three masters are frozen while it asks, and thaw afterwards. */
export async function lateReply(lab: Lab): Promise<Outcome> {
  const locks = await lab.open();
  const name = lab.name();
  await lab.stop(1, 2);
  const settled = await settledWithin(locks.acquire(name, { ttlMs: 30_000, waitMs: 0 }), patienceMs);
  await lab.cont(1, 2);
  await pause(1_500);
  const left = await lab.heldOn(name);
  const bad = settled.how === 'open' || (settled.how === 'rejected' && left > 0);
  // One that was granted after the thaw is held, not left.
  return { bad, text: settled.how === 'rejected' ? `${told(settled)}; ${left} keys left` : told(settled) };
}

/** D8, D9. So many of three masters are frozen. */
export async function frozenMasters(lab: Lab, frozen: number): Promise<Outcome> {
  const locks = await lab.open();
  await lab.stop(...[1, 2].slice(0, frozen));
  const settled = await settledWithin(locks.acquire(lab.name(), { ttlMs: 10_000, waitMs: 300 }), patienceMs);
  await lab.cont(...[1, 2].slice(0, frozen));
  return { bad: settled.how !== (frozen === 1 ? 'resolved' : 'rejected'), text: told(settled) };
}

/** D15. A quorum of one out of three, and what `isLocked` says while the server is frozen. */
export async function failsOpen(lab: Lab): Promise<Outcome | undefined> {
  const { contestant, urls } = lab;
  const locks = await contestant.open(urls.slice(0, 1));
  if (contestant.takesQuorumOfOne === undefined || locks.isLocked === undefined) return undefined;
  const takes = await contestant.takesQuorumOfOne(urls);
  const name = lab.name();
  await locks.acquire(name, { ttlMs: 60_000, waitMs: 0 });
  await lab.stop(0);
  const settled = await settledWithin(locks.isLocked(name), patienceMs);
  await lab.cont(0);
  const isOpen = settled.how === 'resolved' && !settled.value;
  const says = isOpen
    ? 'says nobody holds it'
    : settled.how === 'rejected'
      ? 'says it cannot tell'
      : told(settled);
  return { bad: takes || isOpen, text: `quorum of 1 ${takes ? 'taken' : 'refused'}; ${says}` };
}

/** D10. Three contenders for two permits, each of them slow to reach another master. */
export async function quorumSemaphore(lab: Lab): Promise<Outcome | undefined> {
  const contenders = await Promise.all(lab.urls.map((_, own) => farFrom(lab, own)));
  const name = lab.name();
  if (contenders.some(({ permit }) => permit === undefined)) return undefined;
  const settled = await Promise.allSettled(contenders.map(({ permit }) => permit!(name, 2, 20_000)));
  const admitted = settled.filter(({ status }) => status === 'fulfilled').length;
  return { bad: admitted > 2, text: `${admitted} of 3 admitted to 2 permits` };
}

async function farFrom(lab: Lab, own: number): Promise<Awaited<ReturnType<Lab['open']>>> {
  const proxies = await lab.proxies();
  const locks = await lab.open(proxies.map(({ url }) => url));
  proxies[own]!.delay(60, 'requests');
  return locks;
}
