/**
 * Passwords are stored as bcrypt hashes: made and compared here and nowhere else.
 *
 * A hash of cost 12 is 0.2 to 0.3 s of pure computing on a thread of libuv, which has four, shared
 * with files, DNS and WebCrypto. So few run at once (and leave a core to the rest), a bounded number
 * waits, and beyond that the answer is a Fault `overloaded`. Comparing costs the same time whether
 * or not there is a user, a match or a password that could be one.
 */
import { availableParallelism } from 'node:os'
import bcrypt from 'bcrypt'
import { assert } from '../../kernel/assert.ts'
import { isPasswordForm } from './password.ts'
import { createWorkLimit } from './work-limit.ts'

export interface Passwords {
  /** The hash to store. The password must have passed `refusePassword`, or have been in use. */
  hash(password: string): Promise<string>
  /** Whether the hash is that password's; without a hash, false after the same work. */
  verify(password: string, hash: string | undefined): Promise<boolean>
  /** True for a hash of lower cost than new ones get: to be replaced when the password is known. */
  isOutdated(hash: string): boolean
}

export interface PasswordsOptions {
  /** The binary logarithm of the number of rounds. */
  cost?: number
  concurrency?: number
  queueSizeMax?: number
}

export const bcryptCostDefault = 12

export function createPasswords({
  cost = bcryptCostDefault,
  concurrency = availableParallelism() > 2 ? 2 : 1,
  queueSizeMax = 256,
}: PasswordsOptions = {}): Passwords {
  assert(Number.isInteger(cost) && cost >= 4 && cost <= 31, 'bcrypt has costs from 4 to 31')
  const limited = createWorkLimit({ concurrency, queueSizeMax, name: 'hashing of passwords' })
  // The form of a hash, so that comparing does all the work, with a sum that no password has but
  // by a chance of 2^-184.
  const dummyHash = bcrypt.genSaltSync(cost) + '.'.repeat(31)

  return {
    async hash(password) {
      assert(isPasswordForm(password), 'the password was not checked')
      return await limited(() => bcrypt.hash(password, cost))
    },

    async verify(password, hash) {
      const isPossible = hash !== undefined && isPasswordForm(password)
      const matches = isPossible
        ? await limited(() => bcrypt.compare(password, hash))
        : await limited(() => bcrypt.compare('no password', dummyHash))
      return isPossible && matches
    },

    isOutdated: (hash) => bcrypt.getRounds(hash) < cost,
  }
}
