/** @import { Finding } from './findings.mjs' */

/**
 * A table filled by append comes back undefined from the mock unless it is unpacked.
 *
 * @param {string} code
 * @returns {Finding[]}
 */
function appendedTables(code) {
  const appended = [...code.matchAll(/\b(\w+)\[#\1\s*\+\s*1\]\s*=|\btable\.insert\(\s*(\w+)/g)].map(
    (match) => match[1] ?? match[2],
  );
  return [...new Set(appended)].flatMap((name) =>
    [
      ...code.matchAll(
        new RegExp(`\\breturn\\s+${name}\\s*$|\\breturn\\s*\\{[^}]*\\b${name}\\b\\s*[,}]`, 'gm'),
      ),
    ].map((match) => ({
      offset: match.index,
      message: `${name} was filled by append and the mock would lose it: {unpack(${name})}`,
    })),
  );
}

/**
 * What the script itself returns; a function of it may return what it likes.
 *
 * @param {string} code
 * @returns {Finding[]}
 */
function ownReplies(code) {
  /** @type {string[]} */
  const open = [];
  /** @type {Finding[]} */
  const found = [];
  const words =
    /'[^'\n]*'|"[^"\n]*"|\b(?:function|if|do|repeat|end|until)\b|\breturn\s+(?:nil|true|false)\b/g;
  for (const { 0: word, index: offset } of code.matchAll(words)) {
    if (/^['"]/.test(word)) continue;
    if (word === 'end' || word === 'until') open.pop();
    else if (!word.startsWith('return')) open.push(word);
    else if (!open.includes('function')) {
      found.push({
        offset,
        message: 'nil and booleans change on their way out: return integers, strings or arrays of them',
      });
    }
  }
  return found;
}

/**
 * What would not come back as it was sent.
 *
 * @param {string} code
 * @returns {Finding[]}
 */
export function replyFindings(code) {
  return [...appendedTables(code), ...ownReplies(code)];
}
