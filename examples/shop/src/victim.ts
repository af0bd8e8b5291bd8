/** The worker that is going to be killed. */
export interface Victim {
  readonly name: string;
  /** Has payments under way, so that a kill hurts. */
  isBusy(): boolean;
  /** Takes it away without a word to anyone. Says how, for the log. */
  kill(): Promise<string>;
  /** Ends what is left of it, killed or not. Idempotent. */
  bury(): Promise<void>;
}
