import type { Books } from './books.ts';

/** A figure of the closing table; those indented are parts of the one above. */
type Row = readonly [label: string, figure: number | string, note?: string];

const labelWidth = 40;
const figureWidth = 9;

/** The books as a table, and whether they add up. */
export function closingTable(books: Books): string {
  const { paid, dead, rejected, received, deliveries, charges } = books;
  const orders: Row[] = [
    ['Orders', received],
    ['  paid', paid.count, amounts(paid.centsByCurrency)],
    ['    by the first charge request', paid.atOnce],
    ['    by a later one', paid.later],
    ['      after having been a dead letter', paid.afterRedrive],
    ['  dead', dead],
    ...[...books.deadByReason].map(([reason, count]): Row => [`    ${reason}`, count]),
    ['  rejected', rejected, 'lines that were no orders'],
  ];
  const work: Row[] = [
    ['Deliveries of tasks to workers', deliveries.total],
    ['  more than once', deliveries.repeated],
    ['  ended by a failure', deliveries.failed],
    ['  ended by a lease that ran out', deliveries.reclaimed, 'came back from the killed worker'],
    ['  redriven from the dead letters', deliveries.redriven],
    ['Charge requests', charges.requests],
    ['  for an order already paid', charges.repeated, 'answered from the books, no money moved'],
    ['  with an outdated fencing token', charges.stale, 'refused'],
    ['Orders charged twice', charges.double],
  ];
  const sum = `${paid.count} paid + ${dead} dead + ${rejected} rejected = ${paid.count + dead + rejected}`;
  return [...orders.map(render), '', ...work.map(render), '', verdict(books, sum)].join('\n');
}

function verdict({ received, problems }: Books, sum: string): string {
  if (problems.length === 0) return `${sum} of ${received} orders: the books add up.`;
  return [`${sum} of ${received} orders: THE BOOKS DO NOT ADD UP.`, ...shorten(problems)].join('\n');
}

const problemsShown = 20;

function shorten(problems: readonly string[]): string[] {
  const shown = problems.slice(0, problemsShown).map((problem) => `  - ${problem}`);
  const more = problems.length - problemsShown;
  return more > 0 ? [...shown, `  ... and ${more} more`] : shown;
}

function render([label, figure, note]: Row): string {
  const cells = `${label.padEnd(labelWidth)}${`${figure}`.padStart(figureWidth)}`;
  return note ? `${cells}   ${note}` : cells;
}

function amounts(centsByCurrency: ReadonlyMap<string, number>): string {
  return [...centsByCurrency]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([currency, cents]) => `${(cents / 100).toFixed(2)} ${currency}`)
    .join(', ');
}
