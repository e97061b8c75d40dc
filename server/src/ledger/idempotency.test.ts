import { createHmac, hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Defect } from '../kernel/assert.ts'
import { absentField, differingFields, fieldHexLength } from './core/fields.ts'
import { instruct, uuid } from './conformance/decisions.ts'
import { createKeyMaker, keyId } from './idempotency.ts'

const secret = Buffer.from('the secret of a bank: 32 bytes, at least')
const keyMaker = createKeyMaker(secret)

const reference = (message: string) =>
  createHmac('sha256', hash('sha256', secret, 'hex'))
    .update(message)
    .digest('hex')
    .slice(0, 16)

describe('the id of a key', () => {
  it('is the first half of SHA-256 over principal, index and key', () => {
    const hex = hash('sha256', `${uuid(1)}:2:abc`, 'hex')
    const id = keyId(uuid(1), { key: 'abc', index: 2 })
    expect(id.replaceAll('-', '')).toBe(hex.slice(0, 32))
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  })

  it('differs by principal, key and index', () => {
    const ids = [
      keyId(uuid(1), { key: 'a', index: 0 }),
      keyId(uuid(2), { key: 'a', index: 0 }),
      keyId(uuid(1), { key: 'b', index: 0 }),
      keyId(uuid(1), { key: 'a', index: 1 }),
      keyId(uuid(1), { key: '0:a', index: 0 }),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('the fields of a key', () => {
  it('are HMAC-SHA-256 of each text, without those that are absent at the end', () => {
    const { fields } = keyMaker.instruction(instruct({ description: 'Tée' }))
    const texts = [
      '0:transfer:owner',
      `1:account:${uuid(11)}`,
      `2:account:${uuid(12)}`,
      '3:100',
      '4:EUR',
      '5:Tée',
    ]
    expect(fields).toBe(texts.map(reference).join(''))
  })

  it('hold a place for an absent field between two that are there', () => {
    const { fields } = keyMaker.instruction(instruct({ reference: 'r' }))
    expect(fields.slice(5 * fieldHexLength)).toBe(absentField + reference('6:r'))
  })

  it('contain no word and tell nothing without the secret', () => {
    const other = createKeyMaker(Buffer.alloc(32))
    const instruction = instruct({ description: 'Tea', metadata: { a: 'b' } })
    const [one, two] = [keyMaker.instruction(instruction), other.instruction(instruction)]
    expect(one.keyId).toBe(two.keyId)
    // Two fields are absent in both.
    expect(differingFields(one.fields, two.fields)).toHaveLength(7)
  })

  it('are the same again when kinds and currencies are more than can be remembered', () => {
    const first = keyMaker.instruction(instruct())
    for (let index = 0; index < 600; index += 1) {
      keyMaker.instruction(instruct({ currency: `X${index}` }))
    }
    expect(keyMaker.instruction(instruct())).toEqual(first)
    expect(keyMaker.instruction(instruct({ currency: 'X599' })).fields).toContain(
      reference('4:X599'),
    )
  })

  it('need a secret of 32 bytes', () => {
    expect(() => createKeyMaker(Buffer.alloc(31))).toThrow(Defect)
  })
})
