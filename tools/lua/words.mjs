import { withoutStrings } from './text.mjs';

/** @import { Finding } from './findings.mjs' */

/** @type {[RegExp, string][]} */
const refused = [
  [
    /\b(?:cjson|cmsgpack|bit|struct)\s*\./g,
    'the mock has no cjson, cmsgpack, bit or struct: payloads are opaque strings',
  ],
  [/\bredis\.(?!p?call\b)\w+/g, 'the mock has only redis.call of the redis table'],
  [/\bredis\.pcall\b/g, 'errors of redis.pcall differ on the mock: check before you write'],
  [/\b(?:loadstring|load|dofile|require)\s*\(/g, 'no code made at run time'],
  [/^#!/gm, 'defineScript adds the shebang where the server knows it'],
  [/\btostring\s*\(/g, 'tostring keeps 14 digits on Redis: int(n)'],
  [
    /\bKEYS\s*\[[^\]]*\]\s*\.\.|\.\.\s*KEYS\s*\[/g,
    'a key is passed in KEYS, never built in Lua: it may live in another slot',
  ],
  [/\{\s*(?:err|ok)\s*=/g, 'the mock loses {err=} and {ok=}: answer with a leading status code'],
  [/\bgoto\b|\/\/|<<|>>|[&|]/g, 'Lua 5.3 only; Redis has 5.1'],
  [
    /(?<![\w.])\d{4,}(?![\w.])(?=\s*\*)|(?<=\*\s*)(?<![\w.])\d{4,}(?![\w.])/g,
    "a product of integers has 32 bits on the mock: write the literal with '.0'",
  ],
];

/**
 * @param {string} bare
 * @returns {Finding[]}
 */
function bigIntegers(bare) {
  return [...bare.matchAll(/(?<![\w.])\d+(?![\w.])/g)]
    .filter(({ 0: literal }) => Number(literal) >= 2 ** 31)
    .map(({ index: offset }) => ({
      offset,
      message: "2^31 and above is no integer on the mock: write the literal with '.0'",
    }));
}

/**
 * `%d` in a format; in a pattern it means a digit.
 *
 * @param {string} code
 * @returns {Finding[]}
 */
function formats(code) {
  return [...code.matchAll(/\bstring\.format\(\s*('[^']*'|"[^"]*")|('[^'\n]*'|"[^"\n]*")\)?:format\(/g)]
    .filter((match) => /%[diuxX]/.test(match[1] ?? match[2] ?? ''))
    .map(({ index: offset }) => ({
      offset,
      message: '%d fails above 2^31 on the mock: int(n)',
    }));
}

/**
 * @param {string} code
 * @param {readonly string[]} keys
 * @returns {Finding[]}
 */
function builtKeys(code, keys) {
  return keys.flatMap((key) =>
    [...code.matchAll(new RegExp(`(?<![\\w.'"])${key}\\s*\\.\\.|\\.\\.\\s*${key}(?![\\w'"])`, 'g'))].map(
      (match) => ({
        offset: match.index,
        message: `${key} is a key; keys are passed, never built in Lua: it may live in another slot`,
      }),
    ),
  );
}

/**
 * What a script says that only one of the two understands.
 *
 * @param {string} code
 * @param {readonly string[]} keys
 * @returns {Finding[]}
 */
export function wordFindings(code, keys) {
  const bare = withoutStrings(code);
  const words = refused.flatMap(([pattern, message]) =>
    [...bare.matchAll(pattern)].map(({ index: offset }) => ({ offset, message })),
  );
  return [...words, ...bigIntegers(bare), ...formats(code), ...builtKeys(code, keys)];
}
