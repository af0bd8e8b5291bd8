/**
 * The machine's monotonic clock in milliseconds: one for all its processes, as the histories use it, whereas
 * `performance.now()` starts anew in each.
 */
export function machineNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

/** A moment of the wall clock, on {@link machineNow}. */
export function onMachineClock(wallMs: number): number {
  return machineNow() + (wallMs - Date.now());
}
