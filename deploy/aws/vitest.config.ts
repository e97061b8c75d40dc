import { defineConfig } from 'vitest/config'

/** One process for all files: to load the library takes longer than the tests. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    isolate: false,
    fileParallelism: false,
    testTimeout: 120_000,
  },
})
