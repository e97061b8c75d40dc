import bcrypt from 'bcrypt'
import { describe, expect, it, vi } from 'vitest'
import { ownMatchers } from '../../../../test/support/matchers.ts'
import { createPasswords } from './passwords.ts'

expect.extend(ownMatchers)

const passwords = createPasswords({ cost: 4 })

/** How many rounds of bcrypt the work does, by the costs of what it compares with. */
async function countRounds(work: () => Promise<unknown>): Promise<number> {
  const compare = vi.spyOn(bcrypt, 'compare')
  try {
    await work()
    const costs = compare.mock.calls.map(([, hash]) => bcrypt.getRounds(hash))
    return costs.reduce((rounds, cost) => rounds + 2 ** cost, 0)
  } finally {
    compare.mockRestore()
  }
}

describe('passwords', () => {
  it('are stored as hashes that are theirs alone', async () => {
    const hash = await passwords.hash('correct horse')
    await expect(hash).toBeHashOf('correct horse')
    await expect(hash).not.toBeHashOf('correct horsf')
    await expect('correct horse').not.toBeHashOf('correct horse')
    expect(await passwords.verify('correct horse', hash)).toBe(true)
    expect(await passwords.verify('Correct horse', hash)).toBe(false)
  })

  it('that are equal have different hashes', async () => {
    const [first, second] = await Promise.all([
      passwords.hash('12345678'),
      passwords.hash('12345678'),
    ])
    expect(first).not.toBe(second)
  })

  it('of 72 bytes count to the last one, and one more byte never matches', async () => {
    const password = 'é'.repeat(36)
    const hash = await passwords.hash(password)
    expect(await passwords.verify(password, hash)).toBe(true)
    expect(await passwords.verify(`${'é'.repeat(35)}è`, hash)).toBe(false)
    // bcrypt itself takes the longer one for equal.
    expect(await bcrypt.compare(`${password}x`, hash)).toBe(true)
    expect(await passwords.verify(`${password}x`, hash)).toBe(false)
  })

  it('with a NUL never match what is before it', async () => {
    const hash = await passwords.hash('password')
    expect(await passwords.verify('password\0suffix', hash)).toBe(false)
  })

  it('that are none are not hashed', async () => {
    for (const password of ['short', 'a'.repeat(73), 'password\0']) {
      await expect(passwords.hash(password)).rejects.toThrow('was not checked')
    }
  })

  it('of nobody never match', async () => {
    for (const password of ['no password', 'correct horse', 'short']) {
      expect(await passwords.verify(password, undefined)).toBe(false)
    }
  })

  it('are the same work for every user and none, while the cost is being raised', async () => {
    const raised = createPasswords({ cost: 8 })
    for (const cost of [4, 5, 7, 8]) {
      const hash = await createPasswords({ cost }).hash('correct horse')
      for (const password of ['correct horse', 'wrong horse', 'short', 'password\0']) {
        expect(await countRounds(() => raised.verify(password, hash))).toBe(2 ** 8)
      }
    }
    expect(await countRounds(() => raised.verify('correct horse', undefined))).toBe(2 ** 8)
  })

  it('are the same work for all once one of a higher cost was met, after the cost was lowered', async () => {
    const lowered = createPasswords({ cost: 4 })
    const [dear, cheap] = await Promise.all([
      createPasswords({ cost: 6 }).hash('correct horse'),
      lowered.hash('correct horse'),
    ])
    expect(await countRounds(() => lowered.verify('correct horse', undefined))).toBe(2 ** 4)
    for (const hash of [dear, cheap, undefined]) {
      expect(await countRounds(() => lowered.verify('correct horse', hash))).toBe(2 ** 6)
    }
  })

  it('of lower cost than new ones are known as outdated', async () => {
    const hash = await createPasswords({ cost: 5 }).hash('correct horse')
    expect(createPasswords({ cost: 6 }).isOutdated(hash)).toBe(true)
    expect(createPasswords({ cost: 5 }).isOutdated(hash)).toBe(false)
    expect(passwords.isOutdated(hash)).toBe(false)
  })

  it('beyond the queue are refused as overloaded', async () => {
    const small = createPasswords({ cost: 4, concurrency: 1, queueSizeMax: 2 })
    const attempts = Array.from({ length: 5 }, () => small.verify('correct horse', undefined))
    const results = await Promise.allSettled(attempts)
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect(results.at(-1)).toMatchObject({ reason: { code: 'overloaded' } })
  })
})
