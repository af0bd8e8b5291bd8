import ts from 'typescript';

/** @typedef {{ specifier: string, typeOnly: boolean, line: number }} Import */

/**
 * Whether nothing of the statement is left at run time.
 *
 * @param {ts.ImportDeclaration | ts.ExportDeclaration} node
 */
function isTypeOnly(node) {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const bindings = clause.namedBindings;
  if (clause.name || !bindings || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}

/**
 * @param {ts.Node} node
 * @returns {{ specifier: ts.Expression, typeOnly: boolean } | undefined}
 */
function importOf(node) {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
    return { specifier: node.moduleSpecifier, typeOnly: isTypeOnly(node) };
  }
  if (
    ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ImportKeyword &&
    node.arguments[0]
  ) {
    return { specifier: node.arguments[0], typeOnly: false };
  }
  if (
    ts.isImportTypeNode(node) &&
    ts.isLiteralTypeNode(node.argument) &&
    ts.isStringLiteral(node.argument.literal)
  ) {
    return { specifier: node.argument.literal, typeOnly: true };
  }
  return undefined;
}

/**
 * Everything that a module imports or re-exports, dynamic and type imports included.
 *
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(text) {
  const source = ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest, true);
  /** @type {Import[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    const hit = importOf(node);
    if (hit && ts.isStringLiteralLike(hit.specifier)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ specifier: hit.specifier.text, typeOnly: hit.typeOnly, line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/**
 * `@scope/name/deep` -> `@scope/name`; undefined for relative imports and for what comes with Node.
 *
 * @param {string} specifier
 */
export function packageOf(specifier) {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
