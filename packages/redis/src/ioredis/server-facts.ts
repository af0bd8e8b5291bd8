import type { ServerFacts } from '../driver.ts';
import { compareVersions, parseInfo, type ServerInfo } from '../server-info.ts';
import type { NodeClient } from './link.ts';

/** What the masters say about themselves. A master that does not answer is left out; throws when none does. */
export async function serverFacts(masters: readonly Pick<NodeClient, 'info'>[]): Promise<ServerFacts> {
  const answers = await Promise.allSettled(masters.map(describe));
  const infos = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const refused = answers.find((answer) => answer.status === 'rejected');
  if (infos.length === 0 && refused !== undefined) throw refused.reason;
  return {
    kind: infos.some((info) => info.has('valkey_version')) ? 'valkey' : 'redis',
    // Scripts are fitted to a version: in a rolling upgrade all nodes must understand them.
    version: infos.map(versionOf).toSorted(compareVersions)[0] ?? unknownVersion,
    histories: infos.flatMap((info) => info.get('master_replid') ?? []),
  };
}

const unknownVersion = '0.0.0';

function versionOf(info: ServerInfo): string {
  return info.get('valkey_version') ?? info.get('redis_version') ?? unknownVersion;
}

async function describe(master: Pick<NodeClient, 'info'>): Promise<ServerInfo> {
  const sections = await Promise.all([sectionOf(master, 'server'), sectionOf(master, 'replication')]);
  return parseInfo(sections.join('\n'));
}

/** Empty where the ACL does not allow INFO: that costs knowledge, not the connection. */
function sectionOf(master: Pick<NodeClient, 'info'>, section: string): Promise<string> {
  return master.info(section).catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
    throw error;
  });
}
