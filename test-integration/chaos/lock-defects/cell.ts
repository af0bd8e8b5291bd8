/** What a child is told, as the JSON of its only argument. */
export interface CellSpec {
  readonly defect: string;
  readonly contestant: string;
  readonly urls: readonly string[];
}

/** What one script found of one library. */
export interface Outcome {
  /** Whether the defect shows. */
  readonly bad: boolean;
  readonly text: string;
}

/** What a child asks of the process that has the servers. */
export type Fault =
  { readonly do: 'stop' | 'cont'; readonly node: number } | { readonly do: 'flush-scripts' };

export type FromChild =
  { readonly fault: Fault } | { readonly outcome: Outcome } | { readonly inapplicable: true };
