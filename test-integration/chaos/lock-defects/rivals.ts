import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The part of an ioredis client that the rivals' adapters and scripts use. */
export interface RivalClient {
  on(event: 'error', listener: () => void): unknown;
  ping(): Promise<unknown>;
}

interface RivalModules {
  readonly ioredis: {
    readonly Redis: new (url: string) => RivalClient;
    readonly Cluster: new (nodes: readonly { host: string; port: number }[]) => RivalClient;
  };
}

/** The folder with the rivals' packages; they are not installed with the project. */
const folder = process.env['LOCKSTEP_RIVALS'] ?? '.';

/** A package of that folder, untyped: some of the rivals have types that do not resolve. */
export function rival<Module>(name: string): Module {
  return createRequire(join(folder, 'package.json'))(name) as Module;
}

/** The version that is installed there. */
export function rivalVersion(name: string): string {
  const path = join(folder, 'node_modules', name, 'package.json');
  return (createRequire(path)(path) as { readonly version: string }).version;
}

/** Clients of the rivals' ioredis at its defaults, ready. */
export async function rivalClients(urls: readonly string[], cluster = false): Promise<RivalClient[]> {
  const { Redis, Cluster } = rival<RivalModules['ioredis']>('ioredis');
  const clients = cluster ? [new Cluster(urls.map(addressOf))] : urls.map((url) => new Redis(url));
  for (const client of clients) client.on('error', () => {});
  await Promise.all(clients.map((client) => client.ping()));
  return clients;
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
