/**
 * The text without fenced code and code spans, which are blanked so that lines stay.
 *
 * @param {string} text
 */
function prose(text) {
  return text
    .replace(/^(```|~~~)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, (block) => block.replace(/[^\n]/g, ' '))
    .replace(/(`+)(?!`)[^\n]*?[^`]\1(?!`)/g, (span) => ' '.repeat(span.length));
}

/**
 * The headings of a document with the anchors that GitHub gives them.
 *
 * @param {string} text
 * @returns {{ title: string, level: number, anchor: string }[]}
 */
export function headings(text) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  // Code spans are part of a title, so only fences are blanked.
  const unfenced = text.replace(/^(```|~~~)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, '');
  return [...unfenced.matchAll(/^(#{1,6})\s+(.+?)\s*#*$/gm)].map(([, marks = '', title = '']) => {
    const slug = slugOf(title);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return { title, level: marks.length, anchor: count === 0 ? slug : `${slug}-${count}` };
  });
}

/** @param {string} title */
function slugOf(title) {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * @param {string} text
 * @returns {{ target: string, line: number }[]}
 */
export function links(text) {
  const bare = prose(text);
  const inline = bare.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const referenced = bare.matchAll(/^\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm);
  return [...inline, ...referenced].map((match) => ({
    target: match[1] ?? '',
    line: bare.slice(0, match.index).split('\n').length,
  }));
}
