/**
 * Comments become blanks, so that offsets stay.
 *
 * @param {string} text
 */
export function withoutComments(text) {
  return text.replace(/('[^'\n]*'|"[^"\n]*")|--[^\n]*/g, (all, string) => string ?? ' '.repeat(all.length));
}

/**
 * Strings keep their quotes and lose what they hold.
 *
 * @param {string} code
 */
export function withoutStrings(code) {
  return code.replace(
    /(['"])([^'"\n]*)\1/g,
    (_, quote, held) => `${quote}${' '.repeat(held.length)}${quote}`,
  );
}
