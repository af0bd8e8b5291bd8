import type { Leader } from '@lockstep/lock';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, settle, soon, twoProcesses } from './setup.ts';

export function electionBehaviour(harness: BehaviourHarness): void {
  describe('election', () => {
    const at = twoProcesses(harness);

    it('has one leader; the next candidate leads when it resigns', async () => {
      const name = harness.uniqueName();
      const ours = at.ours.election(name, { metadata: { host: 'a' } });
      const theirs = at.theirs.election(name, { metadata: { host: 'b' } });
      const leadership = await ours.campaign();
      expect(ours.leadership).toBe(leadership);
      expect(await theirs.leader()).toMatchObject({ owner: leadership.owner, metadata: { host: 'a' } });
      expect(await theirs.tryAcquire()).toBeNull();
      const campaign = theirs.campaign();
      expect(await isPending(harness, campaign)).toBe(true);
      expect(await ours.resign()).toBe('released');
      const next = await campaign;
      expect(ours.leadership).toBeUndefined();
      expect(next.fencingToken).toBeGreaterThan(leadership.fencingToken);
      expect(await ours.leader()).toMatchObject({ fencingToken: next.fencingToken, metadata: { host: 'b' } });
      expect(await theirs.resign()).toBe('released');
      expect(await theirs.resign()).toBe('expired');
      expect(await ours.leader()).toBeUndefined();
    });

    it('withLock leads: leadership is its lease, and resigning ends it', async () => {
      const name = harness.uniqueName();
      const ours = at.ours.election(name);
      const next = at.theirs.election(name);
      await ours.withLock({}, async (leading) => {
        expect(ours.leadership).toBe(leading);
        const campaign = next.campaign();
        expect(await isPending(harness, campaign)).toBe(true);
        expect(await ours.resign()).toBe('released');
        expect([leading.isValid(), ours.leadership]).toEqual([false, undefined]);
        expect((await campaign).fencingToken).toBeGreaterThan(leading.fencingToken);
      });
      await next.resign();
      await ours.withLock({}, () => {});
      expect(ours.leadership).toBeUndefined();
    });

    it('the leader stays as long as it lives, and is followed when it dies', async () => {
      const name = harness.uniqueName();
      const ours = at.ours.election(name, { ttlMs: 400 });
      const leading = await ours.campaign();
      await harness.advance(1_000);
      expect(leading.isValid()).toBe(true);
      await ours.resign();
      await at.ours.election(name, { ttlMs: 300 }).campaign({ autoExtend: false });
      const campaign = at.theirs.election(name).campaign();
      expect(await isPending(harness, campaign)).toBe(true);
      await harness.advance(400);
      await (await campaign).release();
    });

    it('observers see each change', async () => {
      const name = harness.uniqueName();
      const election = at.ours.election(name, { metadata: 'first' });
      const seen: (Leader | undefined)[] = [];
      const controller = new AbortController();
      const observing = (async () => {
        for await (const leader of at.theirs.election(name).observe({ signal: controller.signal }))
          seen.push(leader);
      })();
      await settle(harness);
      expect(seen).toEqual([undefined]);
      const leadership = await election.campaign();
      await settle(harness);
      await election.resign();
      await settle(harness);
      expect(seen.map((leader) => leader?.fencingToken)).toEqual([
        undefined,
        leadership.fencingToken,
        undefined,
      ]);
      expect(seen[1]).toMatchObject({ owner: leadership.owner, metadata: 'first' });
      controller.abort();
      await observing;
    });

    it('an observer learns of a leader that died although nobody says so', async () => {
      const name = harness.uniqueName();
      await at.ours.election(name, { ttlMs: 200 }).campaign({ autoExtend: false });
      const seen: (Leader | undefined)[] = [];
      const controller = new AbortController();
      const observing = (async () => {
        for await (const leader of at.theirs.election(name).observe({ signal: controller.signal }))
          seen.push(leader);
      })();
      await harness.advance(5_500);
      expect(seen.map((leader) => leader === undefined)).toEqual([false, true]);
      controller.abort();
      await observing;
    });

    it('is apart from the mutex of its name, and leadership can be taken by force', async () => {
      const name = harness.uniqueName();
      const election = at.ours.election(name);
      await election.withLock({}, async (leadership) => {
        await (await at.theirs.acquire(name, { waitMs: 0 })).release();
        expect(await at.theirs.election(name).forceResign()).toBe(true);
        await soon(harness, () => expect(leadership.isValid()).toBe(false));
      });
    });
  });
}
