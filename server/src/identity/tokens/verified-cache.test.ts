import { describe, expect, it } from 'vitest'
import { createVerifiedCache } from './verified-cache.ts'

describe('createVerifiedCache', () => {
  it('never holds more than its bound', () => {
    const cache = createVerifiedCache<number>(10)
    for (let index = 0; index < 1000; index += 1) {
      cache.set(`token ${index}`, index)
      cache.get(`token ${index - 3}`)
      expect(cache.size).toBeLessThanOrEqual(10)
    }
  })

  it('keeps what is used and forgets what is not', () => {
    const cache = createVerifiedCache<number>(10)
    cache.set('used', 1)
    cache.set('unused', 2)
    for (let index = 0; index < 100; index += 1) {
      cache.set(`token ${index}`, index)
      expect(cache.get('used')).toBe(1)
    }
    expect(cache.get('unused')).toBeUndefined()
  })

  it('forgets what is deleted, in either generation', () => {
    const cache = createVerifiedCache<number>(4)
    cache.set('old', 1)
    cache.set('turns the generation', 2)
    cache.set('young', 3)
    for (const text of ['old', 'young']) {
      expect(cache.get(text)).toBeDefined()
      cache.delete(text)
      expect(cache.get(text)).toBeUndefined()
    }
  })
})
