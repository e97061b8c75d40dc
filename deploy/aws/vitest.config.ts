import { defineConfig } from 'vitest/config'

/** A synthesis takes seconds, and each file makes its own. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000 },
})
