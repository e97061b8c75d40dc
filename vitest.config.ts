import { defineConfig } from 'vitest/config'

/**
 * Three projects. `unit` needs no database: rules, properties, routes on typed mocks and the memory
 * engine. `database` clones a database per file from a migrated template on one real PostgreSQL.
 * `system` starts real processes: the bank, its kill and race tests, a browser.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // For slow machines: no test of ours is about time.
          testTimeout: 30_000,
          include: ['{server,test,bench,faults}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.db.test.ts', '**/*.system.test.ts'],
        },
      },
      {
        test: {
          name: 'database',
          include: ['{server,test,bench,faults}/**/*.db.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['test/support/database-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'system',
          include: ['{server,test,bench,demo,faults}/**/*.system.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
})
