import type { TestProject } from 'vitest/node';
import { findRedis } from './ladder.ts';
import type { FoundRedis } from './ladder.ts';
import { startCluster } from './servers/cluster.ts';
import { startSentinel } from './servers/sentinel.ts';
import type { RealTopology } from './topologies.ts';

/** Chaos suites break their servers, so each starts its own. */
const projectWithTopologies = 'integration';

/** Finds a Redis, starts what all suites of the project share, and tells them where it is. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const warn = (text: string): void => project.vitest.logger.warn(text);
  const redis = await findRedis(process.env, warn);
  const open: AsyncDisposable[] = [redis];
  try {
    const urls = project.name === projectWithTopologies ? await startTopologies(redis, open, warn) : {};
    project.vitest.logger.log(redis.line);
    project.provide('redis', {
      rung: redis.rung,
      line: redis.line,
      site: redis.site ?? null,
      urls: { standalone: redis.url, ...urls },
      filtered: project.vitest.config.testNamePattern !== undefined,
    });
  } catch (error) {
    await disposeAll(open);
    throw error;
  }
  return () => disposeAll(open);
}

async function startTopologies(
  { site }: FoundRedis,
  open: AsyncDisposable[],
  warn: (text: string) => void,
): Promise<Partial<Record<RealTopology, string>>> {
  if (site === undefined) {
    const text = 'sentinel and cluster do not run: neither redis-server nor a container engine was found';
    if (process.env['CI'] === 'true') throw new Error(text);
    warn(text);
    return {};
  }
  const started = await Promise.allSettled([startSentinel({ site }), startCluster({ site })]);
  for (const outcome of started) if (outcome.status === 'fulfilled') open.push(outcome.value);
  const [sentinel, cluster] = started;
  if (sentinel.status === 'rejected') throw sentinel.reason;
  if (cluster.status === 'rejected') throw cluster.reason;
  return { sentinel: sentinel.value.url, cluster: cluster.value.url };
}

/** In reverse order: what was found first removes the containers that are still there. */
async function disposeAll(open: readonly AsyncDisposable[]): Promise<void> {
  for (const part of open.toReversed()) await part[Symbol.asyncDispose]();
}
