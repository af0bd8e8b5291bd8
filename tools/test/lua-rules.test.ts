import { expect, test } from 'vitest';
import { luaFindings } from '../lua/findings.mjs';
import { luaTemplates } from '../lua/templates.mjs';
import { checkLua } from '../sources/lua.mjs';
import { fixtureTree } from './fixture-tree.ts';

const refused: [string, string][] = [
  ['%d in a format', "return string.format('%d', n)"],
  ['cjson', 'local t = cjson.decode(body)'],
  ['cmsgpack', 'cmsgpack.pack(t)'],
  ['bit', 'bit.band(1, 2)'],
  ['struct', "struct.pack('B', 1)"],
  ['redis.error_reply', "return redis.error_reply('NO')"],
  ['redis.pcall', "redis.pcall('GET', KEYS[1])"],
  ['a lower-case command', "redis.call('get', KEYS[1])"],
  ['a mixed-case command', "redis.call('Get', KEYS[1])"],
  ['a lower-case option', "redis.call('SET', KEYS[1], v, 'nx', 'PX', ttl)"],
  ['ZADD GT', "redis.call('ZADD', KEYS[1], 'GT', score, member)"],
  ['ZADD CH over two lines', "redis.call('ZADD', KEYS[1],\n  'CH', score, member)"],
  ['PEXPIRE NX', "redis.call('PEXPIRE', KEYS[1], ttl, 'NX')"],
  ['PEXPIREAT', "redis.call('PEXPIREAT', KEYS[1], at)"],
  ['EXPIREAT', "redis.call('EXPIREAT', KEYS[1], at)"],
  ['SET KEEPTTL', "redis.call('SET', KEYS[1], v, 'KEEPTTL')"],
  ['TIME', "redis.call('TIME')"],
  ['a stream', "redis.call('XADD', KEYS[1], '*', 'f', v)"],
  ['a blocking command', "redis.call('BLPOP', KEYS[1], 0)"],
  ['a stored empty string', "redis.call('HSET', KEYS[1], 'f', '')"],
  [
    'EXISTS of what the script may have emptied',
    "redis.call('ZREM', ready, id)\nif redis.call('EXISTS', ready) == 0 then end",
  ],
  ['tostring', 'return tostring(n)'],
  ['a key built from KEYS', "redis.call('GET', KEYS[1] .. ':x')"],
  ['a boolean reply', 'if x then return true end'],
  ['a nil reply', 'return nil'],
  ['a nil reply after a function', 'local function f() return 1 end\nreturn nil'],
  ['an error table', "return { err = 'NO' }"],
  ['integer division', 'local n = a // b'],
  ['an integer literal in a product', 'local us = tonumber(s) * 1000000'],
  ['%d in a format called as a method', "return ('%d'):format(n)"],
  ['a literal of 2^31', 'if n > 2147483648 then end'],
  ['a literal beyond 2^31', 'local big = 9007199254740991'],
  ['an appended table as a reply', 'local t = {}\nt[#t + 1] = 1\nreturn t'],
  ['an appended table inside a reply', 'local t = {}\ntable.insert(t, 1)\nreturn { 1, t }'],
];

test.each(refused)('%s is refused', (_, lua) => {
  expect(luaFindings(lua)).toHaveLength(1);
});

const accepted: [string, string][] = [
  ['%.0f', "return string.format('%.0f', n)"],
  ['EXISTS of a string', "redis.call('DEL', fence)\nreturn redis.call('EXISTS', fence)"],
  ['SET NX PX', "redis.call('SET', KEYS[1], v, 'NX', 'PX', ttl)"],
  ['%d in a pattern', "local n = string.match(s, '^(%d+)$')"],
  ['a nil from a function', 'local function f()\n  if x then return nil end\n  return false\nend\nreturn 1'],
  ['a sum', 'local at = now + 60000'],
  ['a float literal', 'local us = s * 1000000.0 + 2147483648.0'],
  ['a small literal', 'local n = i + 1'],
  ['2^31 - 1', 'if n > 2147483647 then end'],
  ['an unpacked table', 'local t = {}\nt[#t + 1] = 1\nreturn { unpack(t) }'],
  ['an unpacked table inside a reply', 'local t = {}\nt[#t + 1] = 1\nreturn { 1, { unpack(t) } }'],
  ['words in comments', "-- cjson.decode, %d, redis.call('get')\nreturn 1"],
  ['a line with a reason', "return redis.call('EXPIREAT', k, 1) -- allow: the instant is the caller's own"],
  ['operators inside a string', "redis.call('HSET', KEYS[1], 'f', 'a|b & 99999999999')"],
  ['option words as names of fields', "redis.call('HGET', KEYS[1], 'count')"],
  ['option words as data', "redis.call('HSET', KEYS[1], 'state', 'GT')"],
];

test.each(accepted)('%s is accepted', (_, lua) => {
  expect(luaFindings(lua)).toEqual([]);
});

test('a key is recognised by the name that the definition gives it', () => {
  expect(luaFindings("redis.call('GET', lock .. ':x')", ['lock'])).toHaveLength(1);
  expect(luaFindings("redis.call('GET', block .. ':x')", ['lock'])).toEqual([]);
  expect(luaFindings("local s = 'lock' .. v", ['lock'])).toEqual([]);
});

test('a template knows its line, its keys and what stands after a substitution', () => {
  const [template] = luaTemplates(
    [
      '',
      'export const s = defineScript({',
      "  keys: ['lock', 'fence'],",
      '  lua: /* lua */ `',
      '${shared}',
      'return 1`,',
      '});',
    ].join('\n'),
  );
  expect(template).toEqual({
    text: '\nsubstituted\nreturn 1',
    line: 4,
    keys: ['lock', 'fence'],
    marked: true,
  });
});

test('a finding carries the line of the module, and Lua without its mark is reported', () => {
  const root = fixtureTree({
    'packages/lock/src/scripts/a.ts':
      "export const a = /* lua */ `\nlocal x = 1\nreturn redis.call('get', KEYS[1])\n`;\n",
    'packages/lock/src/scripts/b.ts': "export const b = `redis.call('GET', KEYS[1])`;\n",
    'packages/lock/test/c.ts': "export const c = `redis.call('get', KEYS[1])`;\n",
  });
  expect(checkLua(root).map(({ file, line }) => `${file}:${line}`)).toEqual([
    'packages/lock/src/scripts/a.ts:3',
    'packages/lock/src/scripts/b.ts:1',
  ]);
});
