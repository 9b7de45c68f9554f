import { defineConfig } from 'vitest/config';

/** Minutes in milliseconds. */
const minutes = (count: number): number => count * 60_000;

/** Suites on a real engine run one file after another: each has its own processes, and the machine two cores. */
const serial = { fileParallelism: false, maxWorkers: 1 };

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    globalSetup: ['./test/support/engine-setup.ts'],
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{integration,replay,real,model,chaos}/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Vitest would leave one processor idle, which on a machine with two is half of it.
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/{integration,replay}/**/*.test.ts'],
          testTimeout: minutes(2),
          hookTimeout: minutes(2),
          sequence: { groupOrder: 1 },
          ...serial,
        },
      },
      {
        extends: true,
        test: {
          // The pipelines on the real files, the protocol in every order, and faults: a seeded share by default, the whole
          // with GEOREFRESH_FULL=1.
          name: 'long',
          include: ['test/{real,model,chaos}/**/*.test.ts'],
          testTimeout: minutes(15),
          hookTimeout: minutes(5),
          sequence: { groupOrder: 2 },
          ...serial,
        },
      },
    ],
  },
});
