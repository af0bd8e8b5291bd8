import { describe, expect, it } from 'vitest';
import { keyList } from '../src/key-list.ts';
import { defineScript, scriptCall } from '../src/script.ts';

const define = (overrides: object = {}) =>
  defineScript({
    name: 'test.any',
    keys: ['lock', 'fence'],
    args: ['owner', 'ttlMs'],
    lua: 'return 1',
    parse: (reply: unknown) => reply,
    idempotent: true,
    ...overrides,
  });

describe('a defined script', () => {
  it('makes locals of its keys and arguments, in their order', () => {
    const { source } = define().variant('redis');
    expect(source).toContain('local lock, fence = KEYS[1], KEYS[2]');
    expect(source).toContain('local owner, ttlMs = ARGV[1], ARGV[2]');
    expect(source).toContain('-- lockstep test.any');
  });

  it('reads the time only when it is used', () => {
    expect(define().variant('redis').source).not.toContain('TIME');
    expect(define({ lua: 'return now' }).variant('redis').source).toContain("redis.call('TIME')");
    expect(define({ lua: 'return now_us' }).variant('memory').source).toContain('ARGV[#ARGV] * 1.0');
  });

  it('prints whole numbers with %d only where integers have 64 bits, and never on memory', () => {
    const printing = define({ lua: 'return int(now)' });
    expect(printing.variant('redis').source).toContain(
      "local whole = format('%d', 9007199254740991) == '9007199254740991' and '%d' or '%.0f'",
    );
    expect(printing.variant('memory').source).toContain("local whole = '%.0f'");
    expect(define().variant('redis').source).not.toContain('whole');
  });

  it('takes the injected time off the arguments on memory also when it is not used', () => {
    expect(define().variant('memory').source).toContain('ARGV[#ARGV] = nil');
  });

  it('puts the deadline in front of the arguments of a script that expires', () => {
    const script = define({ expires: true, lua: 'return fixed_args' });
    const { source } = script.variant('redis');
    expect(source).toContain('now_us > ARGV[1] * 1.0');
    expect(source).toContain('local owner, ttlMs = ARGV[2], ARGV[3]');
    expect(source).toContain('local fixed_args = 3');
    expect(scriptCall(script, { lock: 'l', fence: 'f' }, { owner: 'o', ttlMs: 5 })).toMatchObject({
      keyCount: 2,
      argv: ['l', 'f', '', 'o', 5],
    });
  });

  it('may run on a full Redis only where it says so', () => {
    expect(define({ allowOom: true }).variant('redis-allow-oom').source.split('\n')[0]).toBe(
      '#!lua flags=allow-oom',
    );
    expect(define({ allowOom: true }).variant('redis').source).not.toContain('#!lua');
  });

  it('takes keys that were bound before, for itself alone', () => {
    const bound = keyList(define(), { lock: 'l', fence: 'ä' }, ['k']);
    const call = scriptCall(define(), bound, { owner: 'o', ttlMs: 5 }, { restArgs: ['a'] });
    expect(call).toMatchObject({ keyCount: 3, argv: ['l', 'ä', 'k', 'o', 5, 'a'] });
    expect(call.encodedKeys).toBe('$1\r\nl\r\n$2\r\nä\r\n$1\r\nk\r\n');
    const more = scriptCall(define(), bound, { owner: 'o', ttlMs: 5 }, { restKeys: ['m'] });
    expect(more).toMatchObject({ keyCount: 4, argv: ['l', 'ä', 'k', 'm', 'o', 5], encodedKeys: undefined });
    expect(bound.keys).toEqual(['l', 'ä', 'k']);
    expect(() => scriptCall(define({ name: 'test.other' }), bound, { owner: 'o', ttlMs: 5 })).toThrow(
      'must have been bound for script test.other',
    );
  });

  it('puts keys and arguments beyond the named ones last', () => {
    const call = scriptCall(
      define(),
      { lock: 'l', fence: 'f' },
      { owner: 'o', ttlMs: 5 },
      { restKeys: ['k'], restArgs: ['a'] },
    );
    expect(call).toMatchObject({ keyCount: 3, argv: ['l', 'f', 'k', 'o', 5, 'a'] });
  });

  it.each([
    [['end'], []],
    [['a-b'], []],
    [['now'], []],
    [['1x'], []],
    [['x'], ['x']],
  ])('refuses names that Lua cannot carry: %j %j', (keys, args) => {
    expect(() => define({ keys, args })).toThrow(/script test\.any must/);
  });
});
