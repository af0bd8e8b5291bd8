import { filesBelow, readText } from '../tree/files.mjs';
import { luaFindings } from '../lua/findings.mjs';
import { luaTemplates } from '../lua/templates.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

/** The prelude reads the server's clock, which scripts may not. */
const prelude = 'packages/redis/src/script.ts';

/**
 * Shipped Lua stays in the subset that the mock and Redis share, and is marked, so that the rules see it.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkLua(root) {
  return filesBelow(root, 'packages')
    .filter((file) => /\/src\/.*\.ts$/.test(file) && file !== prelude)
    .flatMap((file) =>
      luaTemplates(readText(root, file)).flatMap(({ text, line, keys, marked }) => {
        if (!marked) return [{ file, line, message: 'Lua without the mark /* lua */ before its backtick' }];
        return luaFindings(text, keys).map(({ offset, message }) => ({
          file,
          line: line + text.slice(0, offset).split('\n').length - 1,
          message,
        }));
      }),
    );
}
