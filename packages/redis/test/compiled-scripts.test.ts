import { createRequire } from 'node:module';
import { connect } from '@lockstep/redis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keepCompiledScripts } from '../src/memory/compiled-scripts.ts';

const require = createRequire(import.meta.url);
const mockPath = require.resolve('ioredis-mock');
const { lauxlib } = createRequire(mockPath)('fengari') as { lauxlib: { luaL_loadstring(): number } };

afterEach(() => void vi.restoreAllMocks());

describe('a script on memory', () => {
  it('is parsed once, and run each time on the keys and arguments of its call', async () => {
    await using redis = await connect('memory://compiled');
    const text = `redis.call('INCRBY', KEYS[1], ARGV[1])\nreturn {KEYS[1], redis.call('GET', KEYS[1])}`;
    expect(await redis.client.eval(text, 1, 'a', '2')).toEqual(['a', '2']);
    const parse = vi.spyOn(lauxlib, 'luaL_loadstring');
    expect(await redis.client.eval(text, 1, 'b', '5')).toEqual(['b', '5']);
    expect(await redis.client.eval(text, 1, 'a', '5')).toEqual(['a', '7']);
    expect(parse).not.toHaveBeenCalled();
    await redis.client.eval(`${text} -- another`, 1, 'a', '0');
    expect(parse).toHaveBeenCalledTimes(1);
  });

  it('fails at its line, and in its syntax, the second time as the first time', async () => {
    await using redis = await connect('memory://compiled-errors');
    const failure = (lua: string): Promise<string> => redis.client.eval(lua, 0).then(String, String);
    const fails = `local x = 1\n\nerror('at the third line')`;
    const first = await failure(fails);
    expect(first).toContain(':3: at the third line');
    expect(await failure(fails)).toBe(first);
    const broken = await failure('return (');
    expect(broken).toMatch(/unexpected|expected/);
    expect(await failure('return (')).toBe(broken);
  });

  it('is forgotten when there are too many of them, and parsed again', async () => {
    await using redis = await connect('memory://compiled-many');
    await redis.client.eval('return 1 -- kept', 0);
    for (let n = 0; n < 200; n++) await redis.client.eval(`return ${n}`, 0);
    const parse = vi.spyOn(lauxlib, 'luaL_loadstring');
    expect(await redis.client.eval('return 1 -- kept', 0)).toBe(1);
    expect(parse).toHaveBeenCalled();
  });

  it('runs as it did where the mock brings no such Lua', () => {
    expect(() => keepCompiledScripts('/nowhere/ioredis-mock/index.js')).not.toThrow();
  });
});
