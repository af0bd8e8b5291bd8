import type { Profile } from './profiles.ts';
import type { RoundResult } from './round.ts';

const header = [
  'writes',
  'min-replicas-to-write',
  'clients reach the sentinels',
  'n',
  'rounds with loss',
  'acknowledged',
  'lost',
  'lost per round (worst)',
  'window after the fault (median, worst)',
  'and before it (worst)',
  'acknowledged/s before the fault (median)',
];

/** The Markdown table of all rounds. */
export function renderTable(results: ReadonlyMap<Profile, readonly RoundResult[]>): string {
  const rows = [...results].map(([profile, rounds]) => cells(profile, rounds));
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cells(profile: Profile, rounds: readonly RoundResult[]): string[] {
  const acked = sum(rounds.map((round) => round.acked));
  const lost = sum(rounds.map((round) => round.lost));
  const windows = rounds.map(({ windowMs }) => windowMs).toSorted((a, b) => a - b);
  const worst = Math.max(...rounds.map((round) => round.lost / round.acked));
  return [
    profile.name,
    String(profile.minReplicas),
    profile.sentinelsReachable ? 'yes' : 'no',
    String(rounds.length),
    String(rounds.filter((round) => round.lost > 0).length),
    acked.toLocaleString('en'),
    `${lost.toLocaleString('en')} (${percent(lost / acked)})`,
    percent(worst),
    `${seconds(median(windows))}, ${seconds(windows.at(-1)!)}`,
    milliseconds(Math.max(...rounds.map(({ lostBeforeMs = 0 }) => lostBeforeMs))),
    Math.round(
      median(rounds.map(({ ackedPerSecond }) => ackedPerSecond).toSorted((a, b) => a - b)),
    ).toLocaleString('en'),
  ];
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)]!;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.001 ? 4 : 1)} %`;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const milliseconds = (ms: number): string => `${Math.round(ms)} ms`;
