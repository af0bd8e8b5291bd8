import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, readText } from '../tree/files.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

const marked = /^<!-- example: (\S+) -->\s*\n```ts\n([\s\S]*?)^```$/gm;
const mark = /^<!-- example: (\S+) -->/gm;

/**
 * A fenced `ts` block under `<!-- example: path -->` is that file, word for word: files are compiled and run, blocks are
 * not.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkSnippets(root) {
  return filesBelow(root)
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const text = readText(root, file);
      const blocks = new Map(
        [...text.matchAll(marked)].map(({ index, 1: path = '', 2: code = '' }) => [index, { path, code }]),
      );
      return [...text.matchAll(mark)].flatMap(({ index, 1: path = '' }) => {
        const line = text.slice(0, index).split('\n').length;
        const block = blocks.get(index);
        if (!block) return [{ file, line, message: `no \`\`\`ts block follows the mark of ${path}` }];
        if (!existsSync(join(root, path))) return [{ file, line, message: `${path} is not there` }];
        if (block.code === readText(root, path)) return [];
        return [
          {
            file,
            line,
            message: `the block differs from ${path}; node tools/check-docs.mjs --write copies it`,
          },
        ];
      });
    });
}

/**
 * The text with each marked block replaced by its file.
 *
 * @param {string} root
 * @param {string} text
 */
export function withSnippets(root, text) {
  return text.replace(marked, (block, path) =>
    existsSync(join(root, path))
      ? `<!-- example: ${path} -->\n\n\`\`\`ts\n${readText(root, path)}\`\`\``
      : block,
  );
}
