import { getContainerRuntimeClient } from 'testcontainers';
import type { GenericContainer } from 'testcontainers';

const label = 'lockstep.test-process';

/** The image of the container rung. */
export function redisImage(): string {
  return process.env['LOCKSTEP_REDIS_IMAGE'] ?? 'redis:7.4-alpine';
}

/** Marks a container as made by this process, so that it is found if the process dies without removing it. */
export function labelled(container: GenericContainer): GenericContainer {
  return container.withLabels({ [label]: String(process.pid) });
}

/** The reason why no container engine can be used, or `undefined`. */
export async function engineTrouble(): Promise<string | undefined> {
  try {
    await getContainerRuntimeClient();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Removes the containers of this process, and those whose process is gone. */
export async function removeContainers(): Promise<void> {
  const { container } = await getContainerRuntimeClient();
  const all = await container.dockerode.listContainers({ all: true, filters: { label: [label] } });
  const ours = all.filter(({ Labels }) => isOver(Number(Labels[label])));
  await Promise.all(
    ours.map(({ Id }) => container.getById(Id).remove({ force: true, v: true }).catch(ignoreGone)),
  );
}

const goneStatuses = [404, 409];

/** Someone else has removed it meanwhile, or is about to. */
function ignoreGone(error: unknown): void {
  if (!goneStatuses.includes((error as { statusCode?: number }).statusCode ?? 0)) throw error;
}

function isOver(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
