/** @import { LuaCall } from './calls.mjs' */
/** @import { Finding } from './findings.mjs' */

const takesOptions =
  /^'(?:SET|P?EXPIRE|Z(?:ADD|RANGE\w*|REVRANGE\w*|INTER\w*|UNION\w*)|[LBZ]M?(?:MOVE|MPOP)|SORT|H?SCAN)'$/;
const lowerCaseOptions =
  /^'(?:nx|xx|gt|lt|ch|incr|ex|px|exat|pxat|keepttl|get|limit|withscores|weights|aggregate|rev|byscore|bylex|left|right|count)'$/;
const mayEmpty =
  /^'(?:ZREM|ZREMRANGEBY\w+|ZPOPMIN|ZPOPMAX|LPOP|RPOP|LREM|LTRIM|LMOVE|LMPOP|ZMPOP|SREM|SPOP|SMOVE|HDEL)'$/;
const notInMock =
  /^'(?:X[A-Z]+|B[LRZ][A-Z]+|SPUBLISH|WAIT|WAITAOF|FCALL|FCALL_RO|SINTERCARD|GETEX|COPY|OBJECT|SORT_RO|LCS)'$/;

/** @type {((call: LuaCall) => string | undefined)[]} */
const callRules = [
  ({ command }) =>
    /^'[A-Z]*[a-z]/.test(command)
      ? 'command words are upper case: the mock compares some of them literally'
      : undefined,
  ({ command, args }) =>
    takesOptions.test(command) && args.some((arg) => lowerCaseOptions.test(arg))
      ? 'the mock ignores option words in lower case'
      : undefined,
  ({ command, args }) =>
    command === "'ZADD'" && args.some((arg) => /^'(?:GT|LT|CH|INCR|XX|NX)'$/.test(arg))
      ? 'ZADD takes no options here: the mock ignores or stores them'
      : undefined,
  ({ command, args }) =>
    /^'P?EXPIRE'$/.test(command) && args.length > 2
      ? 'the mock ignores NX, XX, GT and LT of PEXPIRE'
      : undefined,
  ({ command }) =>
    /^'P?EXPIREAT'$/.test(command) ? 'no PEXPIREAT: an instant of another clock; PEXPIRE' : undefined,
  ({ command, args }) =>
    command === "'SET'" && args.includes("'KEEPTTL'") ? 'the mock ignores KEEPTTL' : undefined,
  ({ command }) => (command === "'TIME'" ? "the time is the prelude's now and now_us" : undefined),
  ({ command }) => (notInMock.test(command) ? `the mock has no ${command}` : undefined),
  ({ command, args }) =>
    /^'(?:SET|HSET|HMSET|SETEX|PSETEX|RPUSH|LPUSH)'$/.test(command) &&
    args.slice(1).some((arg) => arg === "''")
      ? "the mock reads a stored '' as false"
      : undefined,
];

/**
 * An emptied list or zset still EXISTS on the mock until the script is over.
 *
 * @param {LuaCall[]} calls
 * @returns {Finding[]}
 */
function emptinessFindings(calls) {
  const emptied = new Set(calls.filter((call) => mayEmpty.test(call.command)).map((call) => call.args[0]));
  return calls
    .filter((call) => call.command === "'EXISTS'" && emptied.has(call.args[0]))
    .map(({ offset, args }) => ({
      offset,
      message: `this script may empty ${args[0]}, and then EXISTS differs: LLEN, ZCARD`,
    }));
}

/**
 * What a script asks of Redis that the mock does otherwise.
 *
 * @param {LuaCall[]} calls
 * @returns {Finding[]}
 */
export function commandFindings(calls) {
  const found = calls.flatMap((call) =>
    callRules.flatMap((rule) => {
      const message = rule(call);
      return message ? [{ offset: call.offset, message }] : [];
    }),
  );
  return [...found, ...emptinessFindings(calls)];
}
