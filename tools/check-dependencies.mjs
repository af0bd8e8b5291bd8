// Dependencies point down, are declared, and no files import each other in a circle.
import { checkCycles } from './dependencies/cycles.mjs';
import { checkDeclared } from './dependencies/declared.mjs';
import { checkDirection } from './dependencies/direction.mjs';
import { report } from './tree/problem.mjs';
import { root } from './tree/root.mjs';
import { builtPackages } from './tree/workspace.mjs';

const problems = [...checkDirection(root), ...checkDeclared(root), ...checkCycles(root)];
report(
  'check-dependencies',
  problems,
  `${builtPackages(root).length} packages point downwards, without cycles`,
);
