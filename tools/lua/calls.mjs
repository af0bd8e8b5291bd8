/**
 * A `redis.call(...)` of a script: its command, and what stands between its commas as text.
 *
 * @typedef {{ command: string, args: string[], offset: number }} LuaCall
 */

const brackets = { '(': ')', '{': '}', '[': ']' };

/**
 * The text of the arguments of a call whose opening parenthesis is just before `start`.
 *
 * @param {string} text
 * @param {number} start
 * @returns {string[]}
 */
function argumentsAt(text, start) {
  /** @type {string[]} */
  const open = [];
  const args = [''];
  let quote = '';
  for (const letter of text.slice(start)) {
    if (quote) quote = letter === quote ? '' : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else if (letter in brackets) open.push(brackets[/** @type {keyof typeof brackets} */ (letter)]);
    else if (letter === open.at(-1)) open.pop();
    else if (letter === ')') break;
    else if (letter === ',' && open.length === 0) {
      args.push('');
      continue;
    }
    args[args.length - 1] += letter;
  }
  return args.map((arg) => arg.trim());
}

/**
 * @param {string} text Lua without comments.
 * @returns {LuaCall[]}
 */
export function luaCalls(text) {
  return [...text.matchAll(/\bredis\.p?call\(/g)].map((match) => {
    const [command = '', ...args] = argumentsAt(text, match.index + match[0].length);
    return { command, args, offset: match.index };
  });
}
