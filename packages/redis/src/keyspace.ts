import { assertName } from '@lockstep/core';

/**
 * The keys and channels of one structure. All keys share the hash tag, so they live in one Cluster slot; channels
 * start with the connection's prefix, so that an ACL can confine them.
 */
export interface Keyspace {
  /** `{<prefix><kind>:<name>[:<partition>]}` */
  readonly tag: string;
  key(part: string): string;
  channel(part: string): string;
}

export function createKeyspace(prefix: string, kind: string, name: string, partition?: number): Keyspace {
  assertName(name, `${kind} name`);
  const path = partition === undefined ? `${prefix}${kind}:${name}` : `${prefix}${kind}:${name}:${partition}`;
  const tag = `{${path}}`;
  return {
    tag,
    key: (part) => `${tag}:${part}`,
    channel: (part) => `${path}:${part}`,
  };
}
