import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUuidSource, decodeAnyId, decodeId, encodeId, idPrefixes } from './ids.ts'

const canonicalUuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('createUuidSource', () => {
  it('gives UUIDv7s that only grow, within a millisecond and when the clock steps back', () => {
    const times = [1_700_000_000_000, 1_700_000_000_001, 1_699_999_999_000]
    let reading = 0
    const next = createUuidSource(() => times[Math.floor(reading++ / 10_000)] ?? 0)
    let last = ''
    for (let count = 0; count < 30_000; count += 1) {
      const id = next()
      expect(id > last && canonicalUuidV7.test(id), `${id} after ${last}`).toBe(true)
      last = id
    }
  })

  it('carries the time in its first 48 bits', () => {
    const id = createUuidSource(() => 0x0190_1234_5678)()
    expect(id.slice(0, 13)).toBe('01901234-5678')
  })
})

describe('encodeId and decodeId', () => {
  // The valid vectors of the TypeID specification, version 0.3.
  it.each([
    ['00000000-0000-0000-0000-000000000000', '00000000000000000000000000'],
    ['00000000-0000-0000-0000-000000000001', '00000000000000000000000001'],
    ['00000000-0000-0000-0000-000000000020', '00000000000000000000000010'],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', '7zzzzzzzzzzzzzzzzzzzzzzzzz'],
    ['01890a5d-ac96-774b-bcce-b302099a8057', '01h455vb4pex5vsknk084sn02q'],
  ])('%s is %s', (uuid, suffix) => {
    expect(encodeId('acct', uuid)).toBe(`acct_${suffix}`)
    expect(decodeId('acct', `acct_${suffix}`)).toBe(uuid)
  })

  it('tells an id of any kind', () => {
    const id = createUuidSource()()
    for (const prefix of idPrefixes) {
      expect(decodeAnyId(encodeId(prefix, id))).toEqual({ prefix, id })
    }
    for (const text of ['', 'user', 'user_', 'nobody_01h455vb4pex5vsknk084sn02q', 'user_01h455']) {
      expect(decodeAnyId(text)).toBeUndefined()
    }
  })

  it('round-trips every UUID', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        expect(decodeId('xfer', encodeId('xfer', uuid))).toBe(uuid)
      }),
    )
  })

  it.each([
    ['another prefix', 'user_01h455vb4pex5vsknk084sn02q'],
    ['no prefix', '01h455vb4pex5vsknk084sn02q'],
    ['upper case', 'acct_01H455VB4PEX5VSKNK084SN02Q'],
    ['more than 128 bits', 'acct_81h455vb4pex5vsknk084sn02q'],
    ['a letter that is not in the alphabet', 'acct_01h455vb4pex5vsknk084sn02u'],
    ['a character beyond ASCII', 'acct_01h455vb4pex5vsknk084sn02é'],
    ['too short', 'acct_01h455vb4pex5vsknk084sn02'],
    ['too long', 'acct_01h455vb4pex5vsknk084sn02qq'],
    ['a NUL', 'acct_01h455vb4pex5vsknk084sn02\0'],
  ])('an id with %s is refused', (_, text) => {
    expect(decodeId('acct', text)).toBeUndefined()
  })
})
