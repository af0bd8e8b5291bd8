/** What `scripts/cancel.ts` rings when something that this caller holds was cancelled. */
export function cancelBell(caller: string): string {
  return `${caller}!`;
}
