/** Calls `operation` `total` times from `inFlight` loops, each of which waits for its own call. Gives microseconds per call. */
export async function microsPerCall(
  total: number,
  inFlight: number,
  operation: (n: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < total) await operation(next++);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return ((performance.now() - start) * 1_000) / total;
}

export function perSecond(micros: number): number {
  return 1_000_000 / micros;
}
