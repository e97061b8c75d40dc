/**
 * Passwords are stored as bcrypt hashes: made and compared here and nowhere else.
 *
 * A hash of cost 12 is 0.2 to 0.3 s of pure computing on a thread of libuv, which has four, shared
 * with files, DNS and WebCrypto. So few run at once (and leave a core to the rest), a bounded number
 * waits, and beyond that the answer is a Fault `overloaded`.
 *
 * Comparing is the same work whether or not there is a user, a match or a password that could be one,
 * and whatever the cost of the hash: a step of cost doubles the rounds, so a comparison at cost 10 is
 * made up to one at cost 12 by one more at 10 and one at 11. So while BCRYPT_COST is raised, nothing
 * tells a user whose hash is still of the old cost from one that there is not. Where it was lowered,
 * the dearest hash that this process has met is what all comparisons cost from then on.
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
  let costMax = cost

  /** Compares with nobody's hashes, so that with what was done at `costDone` it is 2^costMax rounds. */
  async function makeUp(costDone: number): Promise<void> {
    for (let next = costDone; next < costMax; next += 1) await compareWithNobody(next)
  }

  async function compare(password: string, hash: string): Promise<boolean> {
    const costDone = bcrypt.getRounds(hash)
    costMax = Math.max(costMax, costDone)
    const matches = await bcrypt.compare(password, hash)
    await makeUp(costDone)
    return matches
  }

  return {
    async hash(password) {
      assert(isPasswordForm(password), 'the password was not checked')
      return await limited(() => bcrypt.hash(password, cost))
    },

    async verify(password, hash) {
      const isPossible = hash !== undefined && isPasswordForm(password)
      return await limited(() =>
        isPossible ? compare(password, hash) : compareWithNobody(costMax),
      )
    },

    isOutdated: (hash) => bcrypt.getRounds(hash) < cost,
  }
}

/** Never matches: what is compared with has the form of a hash and a sum that no password has. */
async function compareWithNobody(cost: number): Promise<false> {
  // By a chance of 2^-184 one has it.
  await bcrypt.compare('no password', bcrypt.genSaltSync(cost) + '.'.repeat(31))
  return false
}
