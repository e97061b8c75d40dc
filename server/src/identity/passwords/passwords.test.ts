import bcrypt from 'bcrypt'
import { describe, expect, it } from 'vitest'
import { ownMatchers } from '../../../../test/support/matchers.ts'
import { createPasswords } from './passwords.ts'

expect.extend(ownMatchers)

const passwords = createPasswords({ cost: 4 })

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
