// Writes a module that touches the types of every entry point, for a strict compiler without our condition.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const own = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.keys(own.dependencies)
  .filter((name) => name.startsWith('@lockstep/'))
  .flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
    return Object.keys(exports).map((path) => `${name}${path.slice(1)}`);
  })
  .filter((entry) => !entry.endsWith('/package.json'));

writeFileSync(
  'types.ts',
  entries
    .map(
      (entry, index) =>
        `import * as m${index} from '${entry}';\nexport const n${index} = Object.keys(m${index});\n`,
    )
    .join(''),
);
writeFileSync(
  'tsconfig.json',
  JSON.stringify({
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      module: 'NodeNext',
      target: 'ES2023',
      lib: ['ES2023', 'ESNext.Disposable'],
      typeRoots: [process.argv[2]],
      types: ['node'],
      noEmit: true,
    },
    files: ['types.ts', ...readdirSync('examples').map((name) => `examples/${name}`)],
  }),
);
