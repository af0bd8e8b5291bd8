/**
 * Which packages a package stands on directly. Dependencies point down only: what is reachable from here is allowed,
 * everything else is not. ARCHITECTURE.md draws the same picture.
 *
 * @type {Record<string, readonly string[]>}
 */
const standsOn = {
  core: [],
  redis: ['core'],
  delivery: ['redis'],
  lock: ['redis'],
  'state-sync': ['redis'],
  membership: ['redis'],
  'task-queue': ['delivery'],
  'event-bus': ['delivery'],
  resilience: ['redis'],
  scheduler: ['lock'],
  failover: ['lock', 'state-sync', 'resilience'],
  testing: ['redis'],
  ops: ['task-queue', 'event-bus', 'scheduler', 'failover', 'membership'],
};

/** Rooms that may be asked for at run time only if the user has them: a peer dependency, marked optional. */
export const optionalRooms = new Set(['resilience -> redis']);

export const rooms = Object.keys(standsOn);

/**
 * The rooms that `room` may import, itself not included.
 *
 * @param {string} room
 * @returns {Set<string>}
 */
export function allowedRooms(room) {
  const below = new Set(standsOn[room]);
  for (const other of below) for (const further of standsOn[other] ?? []) below.add(further);
  return below;
}
