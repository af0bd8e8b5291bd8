// Sizes, the portable subset of Lua, and what the linter cannot say.
import { checkLua } from './sources/lua.mjs';
import { checkMachinePaths } from './sources/machine-paths.mjs';
import { checkProjectReferences } from './sources/project-references.mjs';
import { checkSize, sizeSummary } from './sources/size.mjs';
import { checkStatements } from './sources/statements.mjs';
import { report } from './tree/problem.mjs';
import { root } from './tree/root.mjs';

const checks = [checkSize, checkLua, checkStatements, checkMachinePaths, checkProjectReferences];
report(
  'check-sources',
  checks.flatMap((check) => check(root)),
  sizeSummary(root),
);
