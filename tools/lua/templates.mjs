import ts from 'typescript';

/**
 * A Lua text inside a TypeScript module.
 *
 * @typedef {object} LuaTemplate
 * @property {string} text What stands between the backticks; `${...}` is replaced by a name.
 * @property {number} line Of its first line, from 1.
 * @property {string[]} keys The names of its keys, where it is the `lua` of a definition that lists them.
 * @property {boolean} marked Whether it carries the mark.
 */

const mark = '/* lua */';

/**
 * @param {ts.TemplateLiteral} node
 * @param {ts.SourceFile} source
 */
function textOf(node, source) {
  if (ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  const spans = node.templateSpans.map((span) => {
    const lines = span.expression.getText(source).split('\n').length;
    return `substituted${'\n'.repeat(lines - 1)}${span.literal.text}`;
  });
  return [node.head.text, ...spans].join('');
}

/**
 * @param {ts.Node} node
 * @returns {string[]}
 */
function keysBeside(node) {
  const list = ts.isPropertyAssignment(node.parent) ? node.parent.parent : undefined;
  if (!list || !ts.isObjectLiteralExpression(list)) return [];
  return list.properties.flatMap((property) => {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== 'keys') return [];
    if (!ts.isArrayLiteralExpression(property.initializer)) return [];
    return property.initializer.elements.filter(ts.isStringLiteral).map((element) => element.text);
  });
}

/**
 * @param {string} text A TypeScript module.
 * @returns {LuaTemplate[]}
 */
export function luaTemplates(text) {
  const source = ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest, true);
  /** @type {LuaTemplate[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) {
      const lua = textOf(node, source);
      const marked = text.slice(node.getFullStart(), node.getStart(source)).includes(mark);
      if (marked || /\bredis\.p?call\(/.test(lua)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        found.push({ text: lua, line: line + 1, keys: keysBeside(node), marked });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
