import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { matchPattern } from '@lockstep/core';

const segment = fc.constantFrom('a', 'b', 'order', '');
const names = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'));
const solid = fc.constantFrom('a', 'b', 'order', '*');
const patterns = fc
  .tuple(fc.array(solid, { maxLength: 3 }), fc.oneof(solid, fc.constant('**')))
  .map(([head, last]) => [...head, last].join('.'));

const file = fileURLToPath(new URL('./generated-pattern-cases.ts', import.meta.url));

/** What the compiler makes of `Matching` for each pair, in one program that exists in memory only. */
function typeRule(pairs: readonly (readonly [string, string])[]): boolean[] {
  const cases = pairs.map(
    ([pattern, name], index) =>
      `type T${index} = [Matching<'${pattern}', '${name}'>] extends [never] ? false : true;`,
  );
  const source = ["import type { Matching } from '../src/pattern.ts';", ...cases].join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: [],
    customConditions: ['@lockstep/source'],
  };
  const host = ts.createCompilerHost(options);
  const onDisk = host.getSourceFile.bind(host);
  host.getSourceFile = (path, ...rest) =>
    path === file ? ts.createSourceFile(file, source, ts.ScriptTarget.ES2023) : onDisk(path, ...rest);
  const program = ts.createProgram([file], options, host);
  const checker = program.getTypeChecker();
  return program
    .getSourceFile(file)!
    .statements.filter((statement) => ts.isTypeAliasDeclaration(statement))
    .map((alias) => checker.typeToString(checker.getTypeAtLocation(alias)) === 'true');
}

test('the types say of a pattern and a name what the run time says', { timeout: 60_000 }, () => {
  const seed = Date.now();
  const pairs = fc.sample(fc.tuple(patterns, names), { numRuns: 500, seed });
  const byTypes = typeRule(pairs);
  expect(byTypes).toHaveLength(pairs.length);
  const differing = pairs.filter(([pattern, name], index) => matchPattern(pattern, name) !== byTypes[index]);
  expect(differing, `seed ${seed}`).toEqual([]);
  // Both answers must have been asked for, or the comparison says nothing.
  expect(new Set(byTypes)).toEqual(new Set([true, false]));
});
