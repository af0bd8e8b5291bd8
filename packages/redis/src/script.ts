import { createHash } from 'node:crypto';
import { ConfigurationError } from '@lockstep/core';
import type { ScriptArgument } from './client.ts';
import { KeyList } from './key-list.ts';

/**
 * A Lua script with named keys and arguments. Inside the script each name is a local variable; positions are derived
 * here and nowhere else. Also there when the script mentions them:
 *
 * - `now` and `now_us`: the server's time in milliseconds and microseconds, as floats;
 * - `fixed_keys`, `fixed_args`: how many are named; what follows in `KEYS` and `ARGV` is the variable rest;
 * - `int(n)`: a whole number below 2^53 as text, for commands and replies. Nothing else prints one alike everywhere.
 *   A fraction is cut or rounded.
 */
export interface ScriptDefinition<Key extends string, Arg extends string, Reply> {
  /** Names the script in errors and traces. */
  readonly name: string;
  readonly keys: readonly Key[];
  readonly args: readonly Arg[];
  readonly lua: string;
  /** Lua functions shared between scripts, put before this one's text. */
  readonly include?: readonly string[] | undefined;
  /** Turns the raw reply into a tagged union, so that codes stay inside the module. */
  parse(reply: unknown): Reply;
  /**
   * Whether sending it twice has the effect of sending it once (it carries an operation id, or reads only). Only then
   * is it sent again after a lost reply.
   */
  readonly idempotent: boolean;
  /** It frees memory: let it run on a full Redis, so that a full Redis can be drained. Redis 7+. */
  readonly allowOom?: boolean | undefined;
  /**
   * The call must not take effect after its caller gave up: the script refuses to run when the server's clock is past
   * the call's deadline.
   */
  readonly expires?: boolean | undefined;
}

/** How a script's text is fitted to what runs it. */
export type ScriptDialect = 'redis' | 'redis-allow-oom' | 'memory';

export interface ScriptVariant {
  readonly source: string;
  readonly sha: string;
}

/** A defined script; made by {@link defineScript}. */
export interface Script<
  Key extends string = string,
  Arg extends string = string,
  Reply = unknown,
> extends ScriptDefinition<Key, Arg, Reply> {
  variant(dialect: ScriptDialect): ScriptVariant;
}

/** The reply of a script that refused to run because its caller had given up. */
export const lateReply = 'LATE';

const identifier = /^[a-z_][a-zA-Z0-9_]*$/;
const reserved = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while now now_us fixed_keys fixed_args int'.split(
    ' ',
  ),
);

/** Defines a script once, at module level. Throws `ConfigurationError` for names that Lua cannot carry. */
export function defineScript<const Key extends string, const Arg extends string, Reply>(
  definition: ScriptDefinition<Key, Arg, Reply>,
): Script<Key, Arg, Reply> {
  const names = [...definition.keys, ...definition.args];
  for (const name of names) assertLuaName(definition.name, name);
  if (new Set(names).size < names.length) {
    throw new ConfigurationError(`script ${definition.name}`, 'must name each key and argument once', names);
  }
  const variants = new Map<ScriptDialect, ScriptVariant>();
  return {
    ...definition,
    parse: (reply) => definition.parse(reply),
    variant(dialect) {
      let variant = variants.get(dialect);
      if (variant === undefined) {
        variant = compile(definition, dialect);
        variants.set(dialect, variant);
      }
      return variant;
    },
  };
}

function assertLuaName(script: string, name: string): void {
  if (!identifier.test(name) || reserved.has(name)) {
    throw new ConfigurationError(`script ${script}`, 'must use names that can be Lua locals', name);
  }
}

function compile(
  definition: ScriptDefinition<string, string, unknown>,
  dialect: ScriptDialect,
): ScriptVariant {
  const { keys, args, include = [], lua, expires = false } = definition;
  const body = [...include, lua].join('\n');
  const lines: string[] = [];
  if (dialect === 'redis-allow-oom') lines.push('#!lua flags=allow-oom');
  lines.push(`-- lockstep ${definition.name}`);
  if (expires || /\bnow(_us)?\b/.test(body)) lines.push(timePrelude(dialect));
  else if (dialect === 'memory') lines.push('ARGV[#ARGV] = nil');
  if (/\bint\(/.test(body)) lines.push(intPrelude(dialect));
  // The deadline travels in front of the named arguments: the variable rest is at the end.
  if (expires) lines.push(`if now_us > ARGV[1] * 1.0 then return '${lateReply}' end`);
  const firstArg = expires ? 2 : 1;
  if (keys.length > 0) lines.push(locals(keys, 'KEYS', 1));
  if (args.length > 0) lines.push(locals(args, 'ARGV', firstArg));
  if (/\bfixed_keys\b/.test(body)) lines.push(`local fixed_keys = ${keys.length}`);
  if (/\bfixed_args\b/.test(body)) lines.push(`local fixed_args = ${args.length + firstArg - 1}`);
  const source = [...lines, body].join('\n');
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

function locals(names: readonly string[], table: string, first: number): string {
  return `local ${names.join(', ')} = ${names.map((_, index) => `${table}[${index + first}]`).join(', ')}`;
}

// The mock's TIME is up to a second off and runs backwards, so memory is given the time as the last argument, with a
// fraction: fengari's integers have 32 bits.
function timePrelude(dialect: ScriptDialect): string {
  const read =
    dialect === 'memory'
      ? 'local now_us = ARGV[#ARGV] * 1.0\nARGV[#ARGV] = nil'
      : `local time = redis.call('TIME')\nlocal now_us = time[1] * 1000000.0 + time[2]`;
  return `${read}\nlocal now = (now_us - now_us % 1000) / 1000`;
}

// On Redis `%.0f` costs as much as a command, `%d` a third of it: but that is cut to 32 bits where the machine has no
// more, and the mock refuses what they do not hold.
function intPrelude(dialect: ScriptDialect): string {
  const largest = Number.MAX_SAFE_INTEGER;
  const pattern =
    dialect === 'memory' ? `'%.0f'` : `format('%d', ${largest}) == '${largest}' and '%d' or '%.0f'`;
  return `local format = string.format\nlocal whole = ${pattern}\nlocal function int(n) return format(whole, n) end`;
}

/** One call of a script, ready to be sent. */
export interface ScriptCall<Reply = unknown> {
  readonly script: Script<string, string, Reply>;
  readonly keyCount: number;
  readonly argv: ScriptArgument[];
  /** The keys as they travel, of a call whose keys were bound by `keyList`. */
  readonly encodedKeys: string | undefined;
}

/** Keys and arguments beyond the named ones, for scripts over batches. */
export interface ScriptRest {
  readonly restKeys?: readonly string[] | undefined;
  readonly restArgs?: readonly ScriptArgument[] | undefined;
}

/** Binds named keys and arguments to their positions. Keys that were bound before have the variable ones in them. */
export function scriptCall<Key extends string, Arg extends string, Reply>(
  script: Script<Key, Arg, Reply>,
  keys: Readonly<Record<Key, string>> | KeyList,
  args: Readonly<Record<Arg, ScriptArgument>>,
  rest?: ScriptRest,
): ScriptCall<Reply> {
  const bound = keys instanceof KeyList ? keys : undefined;
  const argv = bound ? keysOf(script, bound) : namedKeys(script, keys as Readonly<Record<Key, string>>);
  if (rest?.restKeys) argv.push(...rest.restKeys);
  const keyCount = argv.length;
  // Filled in at each send: a second try has a later deadline.
  if (script.expires) argv.push('');
  for (const name of script.args) argv.push(args[name]);
  if (rest?.restArgs) argv.push(...rest.restArgs);
  const encodedKeys = rest?.restKeys ? undefined : bound?.encoded;
  return { script: script as unknown as Script<string, string, Reply>, keyCount, argv, encodedKeys };
}

function namedKeys<Key extends string>(
  script: { readonly keys: readonly Key[] },
  keys: Readonly<Record<Key, string>>,
): ScriptArgument[] {
  const list: ScriptArgument[] = [];
  for (const name of script.keys) list.push(keys[name]);
  return list;
}

function keysOf({ name }: Pick<Script, 'name'>, { script, keys }: KeyList): ScriptArgument[] {
  if (script !== name)
    throw new ConfigurationError('keys', `must have been bound for script ${name}`, script);
  return keys.slice();
}
