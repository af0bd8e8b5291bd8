import ts from 'typescript';
import { filesBelow, readText } from '../tree/files.mjs';

/** @import { Problem } from '../tree/problem.mjs' */

/**
 * What no linter rule here can say.
 *
 * @type {((node: ts.Node, source: ts.SourceFile) => string | undefined)[]}
 */
const rules = [
  (node) =>
    ts.isExportDeclaration(node) &&
    node.moduleSpecifier &&
    (!node.exportClause || ts.isNamespaceExport(node.exportClause))
      ? 'public names are listed by hand, no `export *`'
      : undefined,
  (node, source) =>
    ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length
      ? '`new Date()` reads the clock of the machine: take a Clock'
      : undefined,
  (node, source) =>
    ts.isCallExpression(node) && node.expression.getText(source) === 'Date'
      ? '`Date()` reads the clock of the machine: take a Clock'
      : undefined,
  (node) => (ts.isExportAssignment(node) ? 'no default exports' : undefined),
];

/**
 * @param {string} text
 * @returns {{ line: number, message: string }[]}
 */
export function statementFindings(text) {
  const source = ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest, true);
  /** @type {{ line: number, message: string }[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    for (const rule of rules) {
      const message = rule(node, source);
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      if (message) found.push({ line: line + 1, message });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/**
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkStatements(root) {
  return filesBelow(root, 'packages')
    .filter((file) => /\/src\/.*\.ts$/.test(file))
    .flatMap((file) => statementFindings(readText(root, file)).map((finding) => ({ file, ...finding })));
}
