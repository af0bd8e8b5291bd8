import type { Keyspace, Redis } from '@lockstep/redis';

/**
 * The layout of one partition, layout 1. All keys share the tag `{<prefix><kind>:<name>:<partition>}` and so one slot;
 * scripts get every key they touch, and what is dynamic is a field or a member. `<entry>` is `<level><seq> <id>`, with
 * the level's first letter: `n17 order-5` is the 17th item enqueued, at level normal.
 *
 * | key | type | what it holds |
 * |---|---|---|
 * | `meta` | hash | `numbers`, those of `numberNames` in `lua/meta.ts` in a line; totals that change rarely, a field each; `@<worker or lane>`: `1<seq> <seenAt> <channel> <reply>` of its last numbered call |
 * | `ready:<level>` | list | an `<entry>` per waiting item, next one first; entries without a live item are tombstones |
 * | `delayed` | zset | `<entry>` by due time |
 * | `leased` | zset | `<47 zeros><token> <id>` by deadline, server time |
 * | `expiring` | zset | ids by the moment they expire, if they do |
 * | `dead` | zset | ids by time of death |
 * | `kept` | zset | ids of ended items by the moment their outcome goes |
 * | `item:0` .. `item:15` | hash | all about items, spread by id: see below |
 * | `cancels` | hash | leased ids that are to end as cancelled |
 * | `awaiting` | hash | id -> waiters for its outcome, a line each |
 * | `seen` | zset | callers by when they were last seen, for forgetting them |
 * | `waiters` | list | sleeping workers: `<process channel> <bell>` |
 *
 * Fields of `item:<n>`, n = (last byte of the id + 3 x the one before + length of the id) mod 16:
 *
 * | field | holds |
 * |---|---|
 * | `<id>` | the record: `1<level><seq> <enqueuedAt> <options> <body>`; options `-` or `e<expiresAt>,v<visibilityMs>,`. Once the item is over and kept its outcome: `1=<c, x or e> <at> <until> <result>` (completed, cancelled, expired) |
 * | `<id>{s}` | once claimed: `1<level><seq> <token, 0 when not leased> <deliveries> <attempts> <failures> <worker>` |
 * | `<id>{e0}` .. `{e9}` | the last ten failures: `1<at> <error>`, the field is failures mod 10 |
 * | `<id>{p}`, `<id>{c}`, `<id>{r}` | progress, checkpoint, and what workers tell each other of where it belongs: `1<text>` |
 * | `<id>{d}` | once dead: `1<at> <reason>` |
 *
 * Reserved for groups, deduplication and rates, so that they need no new layout: `parked` (zset, all of score 0, member
 * `<group> NUL <seq> NUL <id>`), `rotation` (list of groups with work), `running` (hash group -> in flight), `dedupe`
 * (hash key -> `<id>|<expiresAt>`), `dedupe:expiry` (zset) and `rate:*` fields of `meta`.
 */
export interface PartitionKeys {
  readonly meta: string;
  readonly critical: string;
  readonly high: string;
  readonly normal: string;
  readonly low: string;
  readonly delayed: string;
  readonly leased: string;
  readonly expiring: string;
  readonly dead: string;
  readonly kept: string;
  readonly cancels: string;
  readonly awaiting: string;
  readonly seen: string;
  readonly waiters: string;
}

/** The layout this release writes, and the newest one it knows. */
export const layout = 1;

/** A fixed number, so that all can be declared; several, because a slot migration moves one key at a time. */
const buckets = 16;

/** The hash an item is in. `bucketLua` reckons the same, of ids that are not known before the script runs. */
export function bucketOf(id: string): number {
  const { length } = id;
  for (let at = 0; at < length; at += 1) if (id.charCodeAt(at) > 127) return bucketOfBytes(Buffer.from(id));
  const before = length > 1 ? id.charCodeAt(length - 2) : 0;
  return (id.charCodeAt(length - 1) + 3 * before + length) % buckets;
}

function bucketOfBytes(id: Buffer): number {
  return (id.at(-1)! + 3 * id.at(-2)! + id.length) % buckets;
}

const reservedParts = ['parked', 'rotation', 'running', 'dedupe', 'dedupe:expiry'] as const;

/** One partition's keys: the named ones, and the hashes that scripts get behind them. */
export interface Partition {
  readonly index: number;
  readonly keys: PartitionKeys;
  readonly items: readonly string[];
  /** Every key the partition may ever have. */
  readonly all: readonly string[];
}

export function createPartition(redis: Redis, kind: string, name: string, index: number): Partition {
  const keyspace = redis.keyspace(kind, name, index);
  const keys = partitionKeys(keyspace);
  const items = Array.from({ length: buckets }, (_, bucket) => keyspace.key(`item:${bucket}`));
  const reserved = reservedParts.map((part) => keyspace.key(part));
  return { index, keys, items, all: [...Object.values<string>({ ...keys }), ...items, ...reserved] };
}

function partitionKeys(keyspace: Keyspace): PartitionKeys {
  return {
    meta: keyspace.key('meta'),
    critical: keyspace.key('ready:critical'),
    high: keyspace.key('ready:high'),
    normal: keyspace.key('ready:normal'),
    low: keyspace.key('ready:low'),
    delayed: keyspace.key('delayed'),
    leased: keyspace.key('leased'),
    expiring: keyspace.key('expiring'),
    dead: keyspace.key('dead'),
    kept: keyspace.key('kept'),
    cancels: keyspace.key('cancels'),
    awaiting: keyspace.key('awaiting'),
    seen: keyspace.key('seen'),
    waiters: keyspace.key('waiters'),
  };
}
