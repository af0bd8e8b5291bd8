import { connect, defineScript, type Redis } from '@lockstep/redis';
import { ManualClock } from '@lockstep/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';

/**
 * The mock and a real Redis are given the same random sequences of the script idioms that the packages use, and must
 * answer alike. A difference is a rule for `docs/scripts.md`, or something the memory driver has to hide.
 */
interface Idiom {
  readonly name: string;
  readonly lua: string;
}

const idioms: readonly Idiom[] = [
  {
    name: 'string',
    lua: `redis.call('SET', string, a); return {redis.call('GET', string), redis.call('EXISTS', string)}`,
  },
  {
    name: 'string-absent',
    lua: `local v = redis.call('GET', string); if v then return v end; return 'none'`,
  },
  { name: 'set-nx', lua: `if redis.call('SET', string, a, 'NX', 'PX', '60000') then return 1 end; return 0` },
  {
    name: 'compare-delete',
    lua: `if redis.call('GET', string) == a then return redis.call('DEL', string) end; return 0`,
  },
  {
    name: 'ttl',
    lua: `redis.call('SET', string, a); redis.call('PEXPIRE', string, '50000'); local t = redis.call('PTTL', string); if t > 40000 and t <= 50000 then return 1 end; return int(t)`,
  },
  { name: 'ttl-absent', lua: `return {redis.call('PTTL', none), redis.call('PTTL', list)}` },
  {
    name: 'persist-by-set',
    lua: `redis.call('SET', string, a, 'PX', '60000'); redis.call('SET', string, b); return redis.call('PTTL', string)`,
  },
  { name: 'counter', lua: `return redis.call('INCRBY', counter, n)` },
  {
    name: 'counter-big',
    lua: `redis.call('SET', counter2, '9007199254740000'); redis.call('INCR', counter2); return redis.call('GET', counter2)`,
  },
  { name: 'float-format', lua: `return int(n * 1000000.0 + 1790000000000000.0)` },
  {
    name: 'float-compare',
    lua: `if tonumber(a) and tonumber(a) * 1.0 > 2147483648.0 then return 1 end; return 0`,
  },
  {
    name: 'max-token',
    lua: `local stored = tonumber(redis.call('GET', token) or '0') * 1.0; local t = math.max(stored + 1, 1790000000000000.0 + n); redis.call('SET', token, int(t)); return redis.call('GET', token)`,
  },
  { name: 'rpush', lua: `return redis.call('RPUSH', list, a, b)` },
  { name: 'lpush', lua: `return redis.call('LPUSH', list, a)` },
  { name: 'lpop', lua: `local v = redis.call('LPOP', list); if v then return v end; return 'none'` },
  {
    name: 'lpop-count',
    lua: `local r = redis.call('LPOP', list, '2'); if r and #r > 0 then return {unpack(r)} end; return 'none'`,
  },
  { name: 'rpop', lua: `local v = redis.call('RPOP', list); if v then return v end; return 'none'` },
  { name: 'llen', lua: `return {redis.call('LLEN', list), redis.call('LLEN', none)}` },
  { name: 'lrange', lua: `local r = redis.call('LRANGE', list, '0', '3'); return {#r, unpack(r)}` },
  { name: 'lindex', lua: `local v = redis.call('LINDEX', list, '0'); if v then return v end; return 'none'` },
  { name: 'lrem', lua: `return redis.call('LREM', list, '1', a)` },
  { name: 'ltrim', lua: `redis.call('LTRIM', list, '1', '-1'); return redis.call('LLEN', list)` },
  { name: 'list-drain', lua: `while redis.call('LPOP', list) do end; return redis.call('LLEN', list)` },
  { name: 'list-exists-after', lua: `return redis.call('EXISTS', list)` },
  { name: 'hset', lua: `return redis.call('HSET', hash, a, b)` },
  {
    name: 'hset-many',
    lua: `local f = {a, b, b, a, 'fixed', '1'}; redis.call('HSET', hash, unpack(f)); return redis.call('HLEN', hash)`,
  },
  { name: 'hget', lua: `local v = redis.call('HGET', hash, a); if v then return v end; return 'none'` },
  {
    name: 'hmget-types',
    lua: `local r = redis.call('HMGET', hash, a, b, 'never'); local out = {}; for i = 1, 3 do if type(r[i]) == 'string' then out[i] = r[i] else out[i] = 'none' end end; return {unpack(out)}`,
  },
  { name: 'hdel', lua: `return redis.call('HDEL', hash, a, 'never')` },
  { name: 'hexists', lua: `return redis.call('HEXISTS', hash, a)` },
  { name: 'hincrby', lua: `return redis.call('HINCRBY', counts, a, n)` },
  {
    name: 'hincrby-format',
    lua: `redis.call('HSET', counts, 'big', int(5000000000.0)); return int(redis.call('HINCRBY', counts, 'big', '7'))`,
  },
  {
    name: 'hgetall',
    lua: `redis.call('DEL', hash2); redis.call('HSET', hash2, 'f', a); local r = redis.call('HGETALL', hash2); return {#r, unpack(r)}`,
  },
  { name: 'hash-exists-after', lua: `return {redis.call('EXISTS', hash), redis.call('HLEN', hash)}` },
  {
    name: 'sadd',
    lua: `return {redis.call('SADD', set, a), redis.call('SCARD', set), redis.call('SISMEMBER', set, b)}`,
  },
  { name: 'srem', lua: `return {redis.call('SREM', set, a), redis.call('EXISTS', set)}` },
  { name: 'zadd', lua: `return redis.call('ZADD', zset, int(n * 1.0), a)` },
  {
    name: 'zadd-big',
    lua: `redis.call('ZADD', zset, '1790000000000123', a); return redis.call('ZSCORE', zset, a)`,
  },
  {
    name: 'zadd-many',
    lua: `local z = {'1', a, '2', b}; redis.call('ZADD', zset, unpack(z)); return redis.call('ZCARD', zset)`,
  },
  {
    name: 'zscore',
    lua: `local v = redis.call('ZSCORE', zset, a); if v then return int(v * 1.0) end; return 'none'`,
  },
  { name: 'zrem', lua: `return redis.call('ZREM', zset, a, 'never')` },
  { name: 'zcard', lua: `return {redis.call('ZCARD', zset), redis.call('ZCARD', none)}` },
  {
    name: 'zrangebyscore',
    lua: `local r = redis.call('ZRANGEBYSCORE', zset, '-inf', n, 'LIMIT', '0', '3'); return {#r, unpack(r)}`,
  },
  {
    name: 'zrangebyscore-with',
    lua: `local r = redis.call('ZRANGEBYSCORE', zset, '-inf', '+inf', 'WITHSCORES', 'LIMIT', '0', '1'); if #r == 0 then return 'none' end; return {r[1], int(r[2] * 1.0)}`,
  },
  {
    name: 'zrange-first',
    lua: `local r = redis.call('ZRANGE', zset, '0', '0'); if #r == 0 then return 'none' end; return r[1]`,
  },
  {
    name: 'zrange-withscores',
    lua: `local r = redis.call('ZRANGE', zset, '0', '0', 'WITHSCORES'); if #r == 0 then return 'none' end; return {r[1], int(r[2] * 1.0)}`,
  },
  { name: 'zcount', lua: `return redis.call('ZCOUNT', zset, '0', n)` },
  { name: 'zremrangebyscore', lua: `return redis.call('ZREMRANGEBYSCORE', zset, '-inf', n)` },
  { name: 'zset-exists-after', lua: `return redis.call('EXISTS', zset)` },
  {
    name: 'lex',
    lua: `redis.call('ZADD', lex, '0', a, '0', b); local r = redis.call('ZRANGEBYLEX', lex, '[' .. a, '+', 'LIMIT', '0', '2'); return {#r, unpack(r)}`,
  },
  { name: 'lex-rem', lua: `return redis.call('ZREM', lex, a)` },
  {
    name: 'nested',
    lua: `local inner = {}; for i = 1, 3 do inner[i] = a .. i end; return {1, {unpack(inner)}, {}, 'end'}`,
  },
  { name: 'publish', lua: `return redis.call('PUBLISH', none, a)` },
  {
    name: 'cut',
    lua: `local s = a .. ' ' .. b; local c = string.find(s, ' ', 1, true); return {string.sub(s, 1, c - 1), string.sub(s, c + 1)}`,
  },
  {
    name: 'hostile',
    lua: `redis.call('SET', string, ARGV[fixed_args + 1]); return redis.call('GET', string)`,
  },
  {
    name: 'expire-now',
    lua: `redis.call('SET', string, a); redis.call('PEXPIRE', string, '0'); return redis.call('EXISTS', string)`,
  },
  { name: 'del-many', lua: `return redis.call('DEL', string, list, none)` },
  {
    name: 'type-after',
    lua: `return {redis.call('EXISTS', string), redis.call('EXISTS', list), redis.call('EXISTS', hash), redis.call('EXISTS', zset), redis.call('EXISTS', set)}`,
  },
];

const keyNames = [
  'string',
  'counter',
  'counter2',
  'token',
  'list',
  'hash',
  'hash2',
  'counts',
  'set',
  'zset',
  'lex',
  'none',
] as const;

const scripts = idioms.map(({ name, lua }) =>
  defineScript({
    name: `idiom.${name}`,
    keys: keyNames,
    args: ['a', 'b', 'n'],
    lua,
    parse: (reply) => reply,
    idempotent: false,
  }),
);

const member = fc.constantFrom(
  'm1',
  'm2',
  'm3',
  'm4',
  '7',
  '4294967296',
  'long '.repeat(20),
  'ü€😀',
  '%s %d {x} \\n',
);
const step = fc.record({
  script: fc.nat(scripts.length - 1),
  a: member,
  b: member,
  n: fc.constantFrom(1, 2, 3, 2_147_483_647, 4_294_967_296),
  text: fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
});

const seeds = 60;
const longestSequence = 60;

describe.runIf(inject('redis').site !== null)('the mock and a real Redis', () => {
  let server: StandaloneServer;
  let real: Redis;
  let mock: Redis;
  let operations = 0;
  const used = new Set<string>();

  beforeAll(async () => {
    server = await startStandalone();
    real = await connect(server.url, { prefix: 'differential:' });
    mock = await connect(`memory://${crypto.randomUUID()}`, {
      prefix: 'differential:',
      clock: new ManualClock(),
    });
  });
  afterAll(async () => {
    await Promise.all([real?.close(), mock?.close()]);
    await server?.[Symbol.asyncDispose]();
  });

  it('answer the same to random sequences of every idiom', async () => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: longestSequence, maxLength: longestSequence }),
          async (steps) => {
            const run = crypto.randomUUID();
            for (const [index, { script, a, b, n, text }] of steps.entries()) {
              const definition = scripts[script]!;
              const replies = await Promise.all(
                [real, mock].map((redis) => {
                  const space = redis.keyspace('idiom', run);
                  const keys = Object.fromEntries(keyNames.map((name) => [name, space.key(name)])) as Record<
                    (typeof keyNames)[number],
                    string
                  >;
                  return redis.run(definition, keys, { a, b, n }, { restArgs: [text] });
                }),
              );
              operations += 1;
              used.add(definition.name);
              expect(replies[1], `step ${index}, ${definition.name}, a=${a} b=${b} n=${n}`).toEqual(
                replies[0],
              );
            }
          },
        ),
        { seed, numRuns: 1, endOnFailure: false },
      );
    }
    console.log(
      `differential: ${operations} operations over ${seeds} seeds, ${used.size} of ${scripts.length} idioms`,
    );
    expect(operations).toBeGreaterThanOrEqual(2_000);
    expect(used.size).toBe(scripts.length);
  });

  it('would be caught giving different replies: a known trap does', async () => {
    const trap = defineScript({
      name: 'idiom.trap',
      keys: ['any'],
      args: [],
      lua: `return 3.7`,
      parse: (reply) => reply,
      idempotent: true,
    });
    expect(await real.run(trap, { any: 'x' }, {})).not.toEqual(await mock.run(trap, { any: 'x' }, {}));
  });
});
