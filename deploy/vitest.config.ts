import { defineConfig } from 'vitest/config'

/** The tests of the rules themselves: `npm run check:deploy -- rules` runs them. */
export default defineConfig({ test: { include: ['checks/**/*.test.ts'] } })
