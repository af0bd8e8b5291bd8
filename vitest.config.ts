import { fileURLToPath } from 'node:url';
import { existsSync, readdirSync } from 'node:fs';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

const conditions = ['@lockstep/source', ...defaultServerConditions];

/** Each package reaches the bar by itself: a well-covered one does not make up for another. */
const thresholds = Object.fromEntries(
  readdirSync('packages')
    .filter((room) => existsSync(`packages/${room}/src`))
    .map((room) => [`packages/${room}/src/**`, { lines: 90, branches: 90 }]),
);

/** `LOCKSTEP_IOREDIS=6` runs everything that talks to a server on the other major that users may have. */
const alias =
  process.env['LOCKSTEP_IOREDIS'] === '6'
    ? [
        {
          find: /^ioredis$/,
          replacement: fileURLToPath(new URL('test-integration/node_modules/ioredis-6', import.meta.url)),
        },
      ]
    : [];

/** `unit` runs on memory, `integration` on real topologies, `chaos` injects faults for longer. */
export default defineConfig({
  resolve: { alias },
  ssr: { resolve: { conditions } },
  // Vitest loads what sets the servers up in an environment of its own.
  environments: { __vitest__: { resolve: { conditions } } },
  test: {
    // All cores: what runs longest waits for servers and clocks rather than for a core.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages/*,examples/*,bench}/test/**/*.test.ts', 'tools/test/*.test.ts'],
          // A busy machine may stall a process for seconds; a test that hangs is still told apart.
          testTimeout: 20_000,
          typecheck: {
            enabled: true,
            include: ['packages/*/test/**/*.test-d.ts'],
            tsconfig: 'tsconfig.types.json',
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test-integration/suites/**/*.test.ts'],
          globalSetup: ['test-integration/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['test-integration/chaos/**/*.test.ts'],
          globalSetup: ['test-integration/src/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['packages/*/src/index.ts', 'packages/*/src/internal.ts'],
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: 'coverage',
      thresholds,
    },
  },
});
