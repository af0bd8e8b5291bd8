/** A moment that is known only to lie between two others: exact on memory, a round trip wide on a real Redis. */
export interface Moment {
  readonly from: number;
  readonly to: number;
}

export const anyTime: Moment = { from: 0, to: 0 };

export function later(moment: Moment, ms: number): Moment {
  return { from: moment.from + ms, to: moment.to + ms };
}

export function latest(a: Moment, b: Moment): Moment {
  return { from: Math.max(a.from, b.from), to: Math.max(a.to, b.to) };
}

/** It may have come by `now`. */
export function mayHaveCome(moment: Moment, now: Moment): boolean {
  return moment.from <= now.to;
}

/** It had come before `now` for certain. */
export function hadCome(moment: Moment, now: Moment): boolean {
  return moment.to <= now.from;
}
