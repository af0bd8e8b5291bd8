import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { filesBelow, readText } from '../tree/files.mjs';
import { headings, links } from './markdown.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

/**
 * @param {string} root
 * @param {string} file
 * @param {string} target
 * @returns {string | undefined}
 */
function refusal(root, file, target) {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  if (target.startsWith('/')) return `${target} starts at the root of a server; links are relative`;
  const [path = '', anchor] = target.split('#');
  const page = path === '' ? file : posix.join(posix.dirname(file), decodeURIComponent(path));
  if (page.startsWith('..')) return `${target} leads out of the repository`;
  if (!existsSync(join(root, page))) return `${target} leads nowhere`;
  if (anchor === undefined || !page.endsWith('.md') || statSync(join(root, page)).isDirectory())
    return undefined;
  const known = headings(readText(root, page)).some((heading) => heading.anchor === anchor);
  return known ? undefined : `${page} has no heading #${anchor}`;
}

/**
 * Every relative link of every document leads to a file, and every anchor to a heading.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkLinks(root) {
  return filesBelow(root)
    .filter((file) => file.endsWith('.md') && !file.startsWith('docs/api/'))
    .flatMap((file) =>
      links(readText(root, file)).flatMap(({ target, line }) => {
        const message = refusal(root, file, target);
        return message ? [{ file, line, message }] : [];
      }),
    );
}
