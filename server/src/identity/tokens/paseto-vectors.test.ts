import { describe, expect, it } from 'vitest'
import { formatPaseto, parsePaseto, type PasetoLocal } from './paseto-encoding.ts'
import { pasetoV2Local } from './paseto-v2-local.ts'
import { pasetoV4Local } from './paseto-v4-local.ts'
import v2 from './vectors/paseto-v2.json' with { type: 'json' }
import v4 from './vectors/paseto-v4.json' with { type: 'json' }

interface Vector {
  name: string
  'expect-fail': boolean
  key?: string
  nonce?: string
  token: string
  payload: string | null
  footer: string
  'implicit-assertion': string
}

/** The key of the vectors, for those that must fail and name none for `local`. */
const vectorKey = '707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f'

function open(version: PasetoLocal, vector: Vector) {
  const parts = parsePaseto(version.header, vector.token)
  if (parts === undefined) return undefined
  const key = Buffer.from(vector.key ?? vectorKey, 'hex')
  const implicitAssertion = Buffer.from(vector['implicit-assertion'])
  const message = version.decrypt({ ...parts, key, implicitAssertion })
  return (
    message && {
      message: Buffer.from(message).toString(),
      footer: Buffer.from(parts.footer).toString(),
    }
  )
}

function seal(version: PasetoLocal, vector: Vector): string {
  const footer = Buffer.from(vector.footer)
  const body = version.encrypt({
    key: Buffer.from(vector.key ?? '', 'hex'),
    nonce: Buffer.from(vector.nonce ?? '', 'hex'),
    message: Buffer.from(vector.payload ?? ''),
    footer,
    implicitAssertion: Buffer.from(vector['implicit-assertion']),
  })
  return formatPaseto(version.header, { body, footer })
}

describe.each([
  { version: pasetoV2Local, vectors: v2.tests as Vector[] },
  { version: pasetoV4Local, vectors: v4.tests as Vector[] },
])('the official vectors of $version.header', ({ version, vectors }) => {
  const genuine = vectors.filter(({ name }) => name.includes('-E-'))
  const others = vectors.filter(({ name }) => !name.includes('-E-'))

  it('are all there', () => {
    expect(genuine).toHaveLength(9)
    expect(others.filter((vector) => vector['expect-fail']).length).toBeGreaterThanOrEqual(3)
  })

  it.each(genuine)('$name is made byte for byte', (vector) => {
    expect(seal(version, vector)).toBe(vector.token)
  })

  it.each(genuine)('$name is opened', (vector) => {
    expect(open(version, vector)).toEqual({ message: vector.payload, footer: vector.footer })
  })

  // Those that must fail, and the tokens of the other purpose, which are none of ours.
  it.each(others)('$name is refused', (vector) => {
    expect(open(version, vector)).toBeUndefined()
  })

  it('have one spelling: an empty footer has no dot', () => {
    const [vector] = genuine.filter(({ footer }) => footer === '')
    expect(vector && open(version, { ...vector, token: `${vector.token}.` })).toBeUndefined()
  })
})
