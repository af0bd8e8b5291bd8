import { instant } from '@lockstep/core';
import { createLocks } from '@lockstep/lock';
import type { Redis } from '@lockstep/redis';
import { callsOf } from '@lockstep/redis/memory';
import { ManualClock, memoryConnection } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { silent } from './behaviour/setup.ts';
import type { Claim } from '../src/claim.ts';
import { LeaseState } from '../src/lease-state.ts';
import { renew } from '../src/scripts/renew.ts';

async function leaseOf(ttlMs: number): Promise<{ clock: ManualClock; lease: LeaseState }> {
  const clock = new ManualClock();
  const claim = { name: 'a', ttlMs } as Claim;
  const sentAt = instant(clock);
  const lease = new LeaseState({
    claim,
    clock,
    fencingToken: 1,
    sentAt,
    autoExtend: true,
    maxHoldMs: Infinity,
  });
  await clock.advance(10_000);
  return { clock, lease };
}

describe('the reply to a renewal that an extend has overtaken', () => {
  it('does not move the deadline beyond that of the extend', async () => {
    const { clock, lease } = await leaseOf(30_000);
    const renewal = { sentAt: instant(clock), era: lease.era };
    const extend = { sentAt: instant(clock), era: lease.extending() };
    lease.extended(extend.sentAt, 1_000, extend.era);
    lease.renewed(renewal.sentAt, 30_000, renewal.era);
    expect(lease.validity.remainingMs()).toBeLessThan(1_000);
    expect(lease.nextTtlMs()).toBe(1_000);
  });

  it('nor that of an extend whose answer is not there, or of a later one', async () => {
    const { clock, lease } = await leaseOf(30_000);
    const before = lease.validity.remainingMs();
    const { era } = lease;
    const longer = lease.extending();
    lease.renewed(instant(clock), 30_000, era);
    expect(lease.validity.remainingMs()).toBe(before);
    const shorter = lease.extending();
    lease.extended(instant(clock), 500, shorter);
    lease.extended(instant(clock), 60_000, longer);
    expect(lease.validity.remainingMs()).toBeLessThan(500);
  });
});

it('an extend that shortens a lease while it is renewed leaves it valid no longer than the server has it', async () => {
  await using at = await memoryConnection({ logger: silent });
  const locks = createLocks({ redis: at.redis, logger: silent });
  const lock = await locks.acquire('a', { ttlMs: 30_000 });
  const replies = holdReplies(at.redis);
  await at.clock.advance(10_000);
  const extending = lock.extend(1_000);
  await at.clock.advance(5);
  // The renewal was executed first; its reply comes last.
  replies.last();
  await extending;
  replies.first();
  await at.clock.advance(1);
  const { client } = at.redis as { client: unknown };
  const leftMs = await (client as { pttl(key: string): Promise<number> }).pttl('lockstep:lock:a');
  expect(leftMs).toBeLessThanOrEqual(1_000);
  expect(lock.expiresAt - at.clock.now()).toBeLessThanOrEqual(leftMs);
  await lock.release();
});

/** Executes renewals at once and keeps their replies back. */
function holdReplies({ client }: Redis): { first(): void; last(): void } {
  const commands = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const kept: (() => void)[] = [];
  const matches = callsOf(renew);
  for (const name of ['evalsha', 'eval']) {
    const execute = commands[name]!.bind(client);
    commands[name] = async (...args) => {
      const reply = execute(...args);
      if (!matches(name, args)) return reply;
      await reply.catch(() => {});
      if (
        name === 'evalsha' &&
        (await reply.then(
          () => false,
          () => true,
        ))
      )
        return reply;
      await new Promise<void>((resolve) => kept.push(resolve));
      return reply;
    };
  }
  return { first: () => kept.shift()!(), last: () => kept.pop()!() };
}
