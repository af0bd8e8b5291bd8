import { ConfigurationError } from '@lockstep/core';
import type { RedisClient } from './client.ts';

export type Topology = 'memory' | 'single' | 'sentinel' | 'cluster';

/** Where to connect: a URL, or an ioredis client that the caller made and will close. */
export type RedisTarget = string | { readonly client: RedisClient };

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Who connects, and whether over TLS. In a Sentinel URL they are for Redis; the sentinels are asked without. */
export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls: boolean;
}

export type ParsedTarget =
  | { readonly topology: 'memory'; readonly name: string }
  | ({ readonly topology: 'single'; readonly node: HostPort; readonly db: number } & Credentials)
  | ({
      readonly topology: 'sentinel';
      readonly sentinels: readonly HostPort[];
      readonly master: string;
      readonly db: number;
    } & Credentials)
  | ({ readonly topology: 'cluster'; readonly nodes: readonly HostPort[] } & Credentials);

const schemes = {
  'redis:': { topology: 'single', tls: false, port: 6379 },
  'rediss:': { topology: 'single', tls: true, port: 6379 },
  'redis+sentinel:': { topology: 'sentinel', tls: false, port: 26379 },
  'rediss+sentinel:': { topology: 'sentinel', tls: true, port: 26379 },
  'redis+cluster:': { topology: 'cluster', tls: false, port: 6379 },
  'rediss+cluster:': { topology: 'cluster', tls: true, port: 6379 },
} as const;

/** scheme://[user[:password]@]host[:port][,host[:port]...][/path][?query] - several hosts, so `URL` cannot parse it. */
const grammar = /^([a-z+]+:)\/\/(?:([^@/]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;

/** Reads a target URL. Errors name the part that is wrong and never contain the password. */
export function parseTarget(url: string): ParsedTarget {
  const match = grammar.exec(url);
  if (!match) throw bad('must be a URL such as redis://host:6379', url);
  const [, scheme = '', userinfo, authority = '', path = '', query = ''] = match;
  if (scheme.toLowerCase() === 'memory:') return parseMemory(authority, path, url);
  const found = schemes[scheme.toLowerCase() as keyof typeof schemes];
  if (!found) {
    throw bad(
      `must start with memory://, ${Object.keys(schemes)
        .map((known) => `${known}//`)
        .join(', ')}`,
      url,
    );
  }
  const credentials = { ...parseUserinfo(userinfo, url), tls: found.tls };
  const hosts = authority.split(',').map((part) => parseHost(part, found.port, url));
  const params = new URLSearchParams(query);
  rejectUnknown(params, found.topology === 'sentinel' ? ['db'] : [], url);
  if (found.topology === 'cluster') {
    if (path !== '' && path !== '0') throw bad('must not name a database: Cluster has only database 0', url);
    return { topology: 'cluster', nodes: hosts, ...credentials };
  }
  if (found.topology === 'sentinel') {
    if (path === '') throw bad('must name the master: redis+sentinel://host:26379/mymaster', url);
    const db = parseDatabase(params.get('db') ?? '', url);
    return { topology: 'sentinel', sentinels: hosts, master: decode(path, url), db, ...credentials };
  }
  if (hosts.length > 1)
    throw bad('must name one host; use redis+cluster:// or redis+sentinel:// for several', url);
  return { topology: 'single', node: hosts[0]!, db: parseDatabase(path, url), ...credentials };
}

/** The URL with its password taken out. */
export function redactUrl(url: string): string {
  return url.replace(/\/\/([^@/]*)@/, (_, userinfo: string) => {
    const [user = ''] = userinfo.split(':');
    return userinfo.includes(':') ? `//${user}:***@` : '//***@';
  });
}

function parseMemory(authority: string, path: string, url: string): ParsedTarget {
  if (authority === '' || path !== '') throw bad('must be memory://name', url);
  return { topology: 'memory', name: authority };
}

function parseUserinfo(userinfo: string | undefined, url: string): { username?: string; password?: string } {
  if (userinfo === undefined || userinfo === '') return {};
  const colon = userinfo.indexOf(':');
  if (colon === -1) return { username: decode(userinfo, url) };
  const password = decode(userinfo.slice(colon + 1), url);
  return colon === 0 ? { password } : { username: decode(userinfo.slice(0, colon), url), password };
}

function parseHost(part: string, defaultPort: number, url: string): HostPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(.*))?$/i.exec(part);
  const host = match?.[1] ?? match?.[2];
  if (!match || !host) throw bad('must name a host (IPv6 in brackets)', url);
  const port = match[3];
  if (port === undefined) return { host, port: defaultPort };
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw bad(`must have a port between 1 and 65535 (found ${JSON.stringify(port)})`, url);
  }
  return { host, port: Number(port) };
}

function parseDatabase(text: string, url: string): number {
  if (text === '') return 0;
  if (!/^\d{1,4}$/.test(text)) throw bad('must name the database by number: redis://host:6379/2', url);
  return Number(text);
}

function rejectUnknown(params: URLSearchParams, known: readonly string[], url: string): void {
  for (const name of params.keys()) {
    if (!known.includes(name)) throw bad(`must not have the parameter ${JSON.stringify(name)}`, url);
  }
}

function decode(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad('must be percent-encoded correctly', url);
  }
}

function bad(rule: string, url: string): ConfigurationError {
  return new ConfigurationError('target', rule, redactUrl(url));
}
