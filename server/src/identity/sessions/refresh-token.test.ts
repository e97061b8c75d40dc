import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createUuidSource } from '../../kernel/ids.ts'
import { createKeyRing, endlessKeyRing } from '../tokens/key-ring.ts'
import { createRefreshTokens } from './refresh-token.ts'

const clock = { now: () => new Date('2026-03-01T12:00:00.000Z') }
const newKey = () => new Uint8Array(randomBytes(32))
const key = newKey()
const sessionId = createUuidSource()()
const withKey = (...keys: [Uint8Array, ...Uint8Array[]]) =>
  createRefreshTokens({ ring: endlessKeyRing(keys), clock })
const tokens = withKey(key)

test('a token says its session and generation, and is another one each time', () => {
  const token = tokens.create(sessionId)
  expect(tokens.parse(token.text)).toEqual(token)
  expect(token).toMatchObject({ sessionId, generation: 0 })
  expect(tokens.create(sessionId).text).not.toBe(token.text)
})

test('its successor can be computed again, by any server with the key, and by nobody else', () => {
  const token = tokens.create(sessionId)
  const [successor] = tokens.successors(token)
  expect(successor).toMatchObject({ sessionId, generation: 1 })
  expect(withKey(key).successors(token)[0]).toEqual(successor)
  expect(withKey(newKey()).successors(token)[0].text).not.toBe(successor.text)
  expect(tokens.successors(successor)[0].text).not.toBe(successor.text)
  expect(tokens.successors(tokens.create(sessionId))[0].text).not.toBe(successor.text)
})

test('while keys change, the successor is found under the key that made it', () => {
  const token = tokens.create(sessionId)
  const [before] = tokens.successors(token)
  const rotated = withKey(newKey(), key)
  expect(rotated.parse(token.text)).toEqual(token)
  const [first, second] = rotated.successors(token)
  expect(first.text).not.toBe(before.text)
  expect(second).toEqual(before)
})

test('a token of a key whose end has passed is none', () => {
  const { text } = tokens.create(sessionId)
  const parse = (until: Date) => {
    const ring = createKeyRing({ signing: newKey(), accepted: [{ key, until }] })
    return createRefreshTokens({ ring, clock }).parse(text)
  }
  expect(parse(new Date(clock.now().getTime() + 1))).toBeDefined()
  expect(parse(clock.now())).toBeUndefined()
})

test('any other text is none: one bit changed, cut, longer, or in another spelling', () => {
  const { text } = tokens.create(sessionId)
  const survivors: string[] = []
  for (let bit = 0; bit < text.length * 8; bit += 1) {
    const bytes = Buffer.from(text, 'latin1')
    bytes.writeUInt8((bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3)
    const changed = bytes.toString('latin1')
    if (tokens.parse(changed) !== undefined) survivors.push(changed)
  }
  for (const other of ['', 'tsr_', text.slice(4), text.slice(0, -1), `${text}A`, `${text}=`]) {
    if (tokens.parse(other) !== undefined) survivors.push(other)
  }
  expect(survivors).toEqual([])
})
