/** Matchers of our own for vitest. A test file that uses one calls `expect.extend(ownMatchers)`. */
import bcrypt from 'bcrypt'

declare module 'vitest' {
  // The type parameters must be those of vitest's own declaration, used or not.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** The value is a bcrypt hash of that password and does not hold the password itself. */
    toBeHashOf(password: T extends string ? string : never): Promise<Awaited<R>>
  }
}

export const ownMatchers = {
  async toBeHashOf(received: unknown, password: string) {
    const isHash = typeof received === 'string' && /^\$2b\$\d\d\$.{53}$/.test(received)
    const pass =
      isHash && !received.includes(password) && (await bcrypt.compare(password, received))
    const not = pass ? 'not ' : ''
    return { pass, message: () => `expected ${String(received)} ${not}to be a hash of ${password}` }
  },
}
