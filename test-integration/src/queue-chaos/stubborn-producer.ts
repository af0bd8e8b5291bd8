import { isLockstepError, sleep, systemClock } from '@lockstep/core';
import type { HistoryRecorder } from '@lockstep/testing';

const pauseMs = 20;

/**
 * Records `send` for each id and repeats `attempt`, which enqueues all of them under these ids, until Redis has
 * acknowledged it: an outage costs a repetition, never a task.
 */
export async function sendUntilAcknowledged(
  history: HistoryRecorder,
  ids: readonly string[],
  attempt: () => Promise<unknown>,
): Promise<void> {
  const sends = ids.map((id) => history.invoke('send', { key: id, value: id }));
  for (;;) {
    try {
      await attempt();
      break;
    } catch (error) {
      if (!isLockstepError(error, 'REDIS_UNAVAILABLE')) throw error;
      await sleep(systemClock, pauseMs);
    }
  }
  for (const send of sends) send.ok();
}
