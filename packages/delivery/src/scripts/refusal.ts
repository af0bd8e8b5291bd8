/**
 * Why a script wrote nothing. `too-new`: the layout was raised by a later release. `partitions`: the name was first
 * used with another number. `superseded`: a late copy of a call that its caller has gone on from.
 */
export type Refusal =
  | { readonly status: 'too-new'; readonly found: number }
  | { readonly status: 'partitions'; readonly found: number }
  | { readonly status: 'superseded' };

/** The refusal that a reply stands for, if it is one. */
export function refusal(reply: unknown): Refusal | undefined {
  const [code, found] = reply as [code: string, found?: string];
  if (code === 'OK') return undefined;
  if (code === 'LAYOUT') return { status: 'too-new', found: Number(found) };
  if (code === 'PARTITIONS') return { status: 'partitions', found: Number(found) };
  return code === 'OLD' ? { status: 'superseded' } : undefined;
}
