import { beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../database/database.ts'
import { createUserAdministration } from '../administration.ts'
import { createPasswords } from '../passwords/passwords.ts'
import { challengeOf, codesOf, password, path, problemOf, useSecondFactorWorld } from './testing.ts'
import { totpCodeOf } from './totp.ts'
import { createVaultStore } from './vault-store.ts'

const { world, query, post, logIn, answer, state, nextCode, signUp, begin, enrol } =
  useSecondFactorWorld()
let database: Database
let now: Date

beforeEach(() => {
  ;({ database, now } = world())
})

describe('turning it on', () => {
  it('takes the password and a code of the app, and gives ten recovery codes', async () => {
    const token = await signUp()
    expect(await state(token)).toEqual({ state: 'off', recovery_codes_left: 0 })
    expect(problemOf(await post(path, { current_password: 'wrong horse' }, token))).toEqual([
      422,
      'current_password_incorrect',
    ])
    const secret = await begin(token)
    expect(await state(token)).toEqual({ state: 'pending', recovery_codes_left: 0 })
    // Nothing counts yet.
    expect((await logIn()).statusCode).toBe(201)
    expect(
      problemOf(
        await post(`${path}/confirm`, { code: totpCodeOf(new Uint8Array(20), now) }, token),
      ),
    ).toEqual([422, 'second_factor_code_incorrect'])
    const confirmed = await post(`${path}/confirm`, { code: nextCode(secret) }, token)
    expect(codesOf(confirmed)).toHaveLength(10)
    expect(await state(token)).toEqual({ state: 'on', recovery_codes_left: 10 })
    const kinds = await query(
      `select kind from audit_event where kind ~ 'factor|recovery' order by id`,
    )
    expect(kinds).toEqual([{ kind: 'second_factor.added' }, { kind: 'recovery_codes.created' }])
  })

  it('can begin anew until it is confirmed, and then no more', async () => {
    const token = await signUp()
    const first = await begin(token)
    const second = await begin(token)
    expect(problemOf(await post(`${path}/confirm`, { code: nextCode(first) }, token))).toEqual([
      422,
      'second_factor_code_incorrect',
    ])
    await post(`${path}/confirm`, { code: nextCode(second) }, token)
    const again = await post(path, { current_password: password }, token)
    expect(problemOf(again)).toEqual([409, 'second_factor_exists'])
    const confirmedAgain = await post(`${path}/confirm`, { code: nextCode(second) }, token)
    expect(problemOf(confirmedAgain)).toEqual([409, 'second_factor_exists'])
  })

  it('of what was not begun is refused', async () => {
    const token = await signUp()
    const confirmed = await post(`${path}/confirm`, { code: '123456' }, token)
    expect(problemOf(confirmed)).toEqual([409, 'second_factor_not_found'])
    const renewed = await post(`${path}/recovery-codes`, { code: '123456' }, token)
    expect(problemOf(renewed)).toEqual([409, 'second_factor_not_found'])
    const body = { current_password: password, code: '123456' }
    expect(problemOf(await post(`${path}/disable`, body, token))).toEqual([
      409,
      'second_factor_not_found',
    ])
  })

  it('leaves neither the secret nor a recovery code in the database', async () => {
    const { secret, recoveryCodes } = await enrol()
    const rows = JSON.stringify(
      await query('select s::text, r::text from second_factor s, recovery_code r'),
    )
    expect(rows).not.toContain(Buffer.from(secret).toString('hex'))
    for (const code of recoveryCodes) {
      expect(rows).not.toContain(Buffer.from(code).toString('hex'))
      expect(rows).not.toContain(Buffer.from(code.replaceAll('-', '')).toString('hex'))
    }
  })
})

describe('a recovery code', () => {
  it('stands for a code of the app, once, in any spelling', async () => {
    const { recoveryCodes, token } = await enrol()
    const [first = '', second = ''] = recoveryCodes
    expect((await answer(challengeOf(await logIn()), first)).statusCode).toBe(201)
    expect(await state(token)).toMatchObject({ recovery_codes_left: 9 })
    const again = await answer(challengeOf(await logIn()), first)
    expect(problemOf(again)).toEqual([422, 'second_factor_code_incorrect'])
    const spelled = second.replaceAll('-', '').toUpperCase()
    expect((await answer(challengeOf(await logIn()), spelled)).statusCode).toBe(201)
    const used = await query(`select from audit_event where kind = 'recovery_code.used'`)
    expect(used).toHaveLength(2)
  })

  it('counts no more when there are new ones, which take a code', async () => {
    const { recoveryCodes, token, secret } = await enrol()
    const [first = '', second = ''] = recoveryCodes
    const wrong = await post(`${path}/recovery-codes`, { code: '0000-0000-0000-0000' }, token)
    expect(problemOf(wrong)).toEqual([422, 'second_factor_code_incorrect'])
    const renewed = await post(`${path}/recovery-codes`, { code: nextCode(secret) }, token)
    expect(codesOf(renewed)).toHaveLength(10)
    const old = await answer(challengeOf(await logIn()), first)
    expect(problemOf(old)).toEqual([422, 'second_factor_code_incorrect'])
    const [fresh = ''] = codesOf(renewed)
    const again = await post(`${path}/recovery-codes`, { code: fresh }, token)
    expect(again.statusCode).toBe(200)
    expect(codesOf(again)).not.toContain(second)
  })
})

describe('the data key', () => {
  it('that nobody can open is replaced when no second factor is left, and not before', async () => {
    const { token, secret } = await enrol()
    const store = createVaultStore(database)
    const stored = async () => (await store.read())?.toString('hex')
    const before = await stored()
    const sealed = (await store.read()) ?? Buffer.alloc(0)
    await store.replaceUnused(sealed, Buffer.from('another'))
    expect(await stored()).toBe(before)
    const body = { current_password: password, code: nextCode(secret) }
    expect((await post(`${path}/disable`, body, token)).statusCode).toBe(204)
    await store.replaceUnused(sealed, Buffer.from('another'))
    expect(await stored()).toBe(Buffer.from('another').toString('hex'))
  })
})

describe('turning it off', () => {
  it('is done by the operator for who has lost app and recovery codes', async () => {
    const { token } = await enrol()
    const passwords = createPasswords({ cost: 4 })
    const administration = createUserAdministration({ database, passwords })
    expect(await administration.removeSecondFactor({ username: 'Alice' })).toMatchObject({
      ok: true,
    })
    expect((await logIn()).statusCode).toBe(201)
    expect(await state(token)).toEqual({ state: 'off', recovery_codes_left: 0 })
    expect(
      await query(`select origin, actor_id from audit_event where kind = 'second_factor.removed'`),
    ).toEqual([{ origin: 'command', actor_id: null }])
    for (const username of ['Alice', 'nobody', 'no body']) {
      expect(await administration.removeSecondFactor({ username })).toMatchObject({ ok: false })
    }
  })

  it('takes both the password and a code, and a login has one step again', async () => {
    const { token, secret } = await enrol()
    const pending = challengeOf(await logIn())
    const disable = (current: string, code: string) =>
      post(`${path}/disable`, { current_password: current, code }, token)
    const wrongPassword = await disable('wrong horse', nextCode(secret))
    expect(problemOf(wrongPassword)).toEqual([422, 'current_password_incorrect'])
    const wrongCode = await disable(password, totpCodeOf(new Uint8Array(20), now))
    expect(problemOf(wrongCode)).toEqual([422, 'second_factor_code_incorrect'])
    expect(await state(token)).toMatchObject({ state: 'on' })
    expect((await disable(password, nextCode(secret))).statusCode).toBe(204)
    expect(await state(token)).toEqual({ state: 'off', recovery_codes_left: 0 })
    expect((await logIn()).statusCode).toBe(201)
    expect(problemOf(await answer(pending, nextCode(secret)))).toEqual([401, 'challenge_invalid'])
    const removed = await query(`select from audit_event where kind = 'second_factor.removed'`)
    expect(removed).toHaveLength(1)
    // And it can be turned on again, with another secret.
    expect(Buffer.from(await begin(token)).equals(Buffer.from(secret))).toBe(false)
  })
})
