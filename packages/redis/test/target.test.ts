import { isLockstepError } from '@lockstep/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTarget, redactUrl } from '../src/target.ts';

const refusal = (url: string): string => {
  try {
    parseTarget(url);
  } catch (error) {
    if (isLockstepError(error, 'CONFIGURATION') && error.path === 'target') return error.message;
    throw error;
  }
  throw new Error(`${url} was accepted`);
};

describe('a target URL', () => {
  it('names one Redis with credentials and a database', () => {
    expect(parseTarget('redis://user:p%40ss@host:6390/2')).toEqual({
      topology: 'single',
      node: { host: 'host', port: 6390 },
      db: 2,
      username: 'user',
      password: 'p@ss',
      tls: false,
    });
    expect(parseTarget('rediss://:secret@[::1]')).toEqual({
      topology: 'single',
      node: { host: '::1', port: 6379 },
      db: 0,
      password: 'secret',
      tls: true,
    });
  });

  it('names sentinels, their master and the database', () => {
    expect(parseTarget('redis+sentinel://h1:26379,h2/mymaster?db=3')).toEqual({
      topology: 'sentinel',
      sentinels: [
        { host: 'h1', port: 26_379 },
        { host: 'h2', port: 26_379 },
      ],
      master: 'mymaster',
      db: 3,
      tls: false,
    });
  });

  it('names the nodes of a cluster', () => {
    expect(parseTarget('redis+cluster://h1:7000,h2:7001')).toEqual({
      topology: 'cluster',
      nodes: [
        { host: 'h1', port: 7_000 },
        { host: 'h2', port: 7_001 },
      ],
      tls: false,
    });
  });

  it('names a memory server', () => {
    expect(parseTarget('memory://orders')).toEqual({ topology: 'memory', name: 'orders' });
  });

  it.each([
    ['http://host', 'must start with'],
    ['host:6379', 'must be a URL'],
    ['redis://', 'must name a host'],
    ['redis://host:0', 'port between 1 and 65535'],
    ['redis://host:65536', 'port between 1 and 65535'],
    ['redis://host:abc', 'port between 1 and 65535'],
    ['redis://a,b', 'must name one host'],
    ['redis://host/x', 'database by number'],
    ['redis://host?family=6', 'must not have the parameter "family"'],
    ['redis+cluster://h1/2', 'only database 0'],
    ['redis+sentinel://h1', 'must name the master'],
    ['memory://', 'memory://name'],
    ['redis://us%er@host', 'percent-encoded'],
  ])('is refused with the rule it breaks: %s', (url, rule) => {
    expect(refusal(url)).toContain(rule);
  });

  it('never shows a password in a message', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{6,20}$/).map((text) => `s3cr3t${text}`);
    const rest = fc.constantFrom('host:0', 'host:6379/x', 'a,b', 'host?x=1', '', 'host:99999/2');
    const scheme = fc.constantFrom('redis', 'rediss', 'redis+cluster', 'redis+sentinel', 'http');
    fc.assert(
      fc.property(scheme, secret, rest, (name, password, where) => {
        const url = `${name}://user:${password}@${where}`;
        expect(redactUrl(url)).not.toContain(password);
        try {
          parseTarget(url);
        } catch (error) {
          expect(String(error)).not.toContain(password);
        }
      }),
    );
  });
});
