import { luaCalls } from './calls.mjs';
import { commandFindings } from './commands.mjs';
import { replyFindings } from './replies.mjs';
import { withoutComments } from './text.mjs';
import { wordFindings } from './words.mjs';

/** @typedef {{ offset: number, message: string }} Finding */

/**
 * What leaves the portable subset: Lua that means the same in the Lua 5.1 of Redis and in the mock's Lua 5.3 with 32-bit
 * integers. A line that has to leave it ends in `-- allow: <reason>`.
 *
 * @param {string} text A Lua script or a part of one.
 * @param {readonly string[]} keys Names that stand for keys in it.
 * @returns {Finding[]} In the order of the text.
 */
export function luaFindings(text, keys = []) {
  const code = withoutComments(text);
  const found = [...wordFindings(code, keys), ...commandFindings(luaCalls(code)), ...replyFindings(code)];
  return found.filter(({ offset }) => !isAllowed(text, offset)).sort((a, b) => a.offset - b.offset);
}

/**
 * @param {string} text
 * @param {number} offset
 */
function isAllowed(text, offset) {
  const end = text.indexOf('\n', offset);
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, end < 0 ? undefined : end);
  return /--\s*allow: \S/.test(line);
}
