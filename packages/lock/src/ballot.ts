/** One voter that said yes, by its index, and what it said. */
export interface Yes<Vote> {
  readonly voter: number;
  readonly vote: Vote;
}

export interface Ballot<Vote> {
  /** As many as needed said yes. */
  readonly won: boolean;
  readonly yes: readonly Yes<Vote>[];
  /** What voters failed with that said neither yes nor no. */
  readonly failures: readonly Error[];
}

/**
 * Counts replies as they come, and settles as soon as `need` voters said yes or no longer can: the slow rest is not
 * waited for. `undefined` is a no, a rejection no vote. Settles when every voter does, also for an even number.
 */
export function ballot<Vote>(
  replies: readonly Promise<Vote | undefined>[],
  need: number,
): Promise<Ballot<Vote>> {
  return new Promise((resolve) => {
    const yes: Yes<Vote>[] = [];
    const failures: Error[] = [];
    let open = replies.length;
    const settle = (): void => {
      if (yes.length >= need || yes.length + open < need)
        resolve({ won: yes.length >= need, yes: [...yes], failures: [...failures] });
    };
    const count = (add: () => void): void => {
      open -= 1;
      add();
      settle();
    };
    replies.forEach((reply, voter) => {
      reply.then(
        (vote) => count(() => void (vote !== undefined && yes.push({ voter, vote }))),
        (error: Error) => count(() => void failures.push(error)),
      );
    });
  });
}

/**
 * Why a ballot was lost, if so many voters were silent that the others could not have decided it: the first failure.
 */
export function outageOf({ failures }: Ballot<unknown>, voters: number, need: number): Error | undefined {
  return failures.length > voters - need ? failures[0] : undefined;
}
