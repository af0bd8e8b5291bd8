import type { Outcome } from './cell.ts';
import type { Lab } from './lab.ts';
import { pause, settledWithin, told } from './settled.ts';

const hourMs = 3_600_000;
const realNow = Date.now;

/** Steps the wall clock of this process, as an operator would. */
function stepWall(ms: number): void {
  const from = Date.now;
  Date.now = () => from() + ms;
}

/** D11. One permit is held for 10 s; a client whose clock is 11 s ahead asks for it. */
export async function clockAhead(lab: Lab): Promise<Outcome | undefined> {
  const [holder, ahead] = [await lab.open(), await lab.open()];
  if (holder.permit === undefined || ahead.permit === undefined) return undefined;
  const name = lab.name();
  await holder.permit(name, 1, 10_000);
  stepWall(11_000);
  const settled = await settledWithin(ahead.permit(name, 1, 10_000), 5_000);
  Date.now = realNow;
  return {
    bad: settled.how === 'resolved',
    text: settled.how === 'resolved' ? '2 holders of 1 permit' : told(settled),
  };
}

/** D14. The wall clock steps an hour back under a lock that ends, and an hour forth under one that lives. */
export async function clockSteps(lab: Lab): Promise<Outcome> {
  const locks = await lab.open();
  const dead = await locks.acquire(lab.name(), { ttlMs: 500, waitMs: 0 });
  stepWall(-hourMs);
  await pause(800);
  const deadIsValid = dead.isValid();
  Date.now = realNow;
  const live = await locks.acquire(lab.name(), { ttlMs: 10_000, waitMs: 0 });
  stepWall(hourMs);
  const extended = live.extend && (await settledWithin(live.extend(10_000), 5_000));
  Date.now = realNow;
  const back = `1 h back: a lock that is over ${deadIsValid ? 'says it is valid' : 'says so'}`;
  const forth = extended ? `; 1 h forth: extend ${extended.how === 'resolved' ? 'granted' : 'refused'}` : '';
  return { bad: deadIsValid || (extended !== undefined && extended.how !== 'resolved'), text: back + forth };
}
