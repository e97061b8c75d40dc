import { beforeEach, describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../audit-events/audit-events.ts'
import {
  challengeOf,
  problemOf,
  stepMilliseconds,
  tokenOf,
  useSecondFactorWorld,
} from './testing.ts'
import { totpCodeOf } from './totp.ts'

const { world, query, post, logIn, answer, state, nextCode, enrol } = useSecondFactorWorld()
let now: Date
let refusals: AuditEvent[]

beforeEach(() => {
  ;({ now, refusals } = world())
})

describe('a login', () => {
  it('with a second factor takes two steps', async () => {
    const { secret } = await enrol()
    const first = await logIn()
    expect(first.statusCode).toBe(202)
    expect(Object.keys(first.json<object>()).toSorted()).toEqual([
      'challenge',
      'challenge_expires_at',
    ])
    const second = await answer(challengeOf(first), nextCode(secret))
    expect(second.statusCode).toBe(201)
    expect(second.json()).toMatchObject({
      user: { username: 'alice' },
      session_id: expect.any(String),
    })
    expect(await state(tokenOf(second))).toMatchObject({ state: 'on' })
    expect(problemOf(await answer(challengeOf(first), nextCode(secret)))).toEqual([
      401,
      'challenge_invalid',
    ])
  })

  it('with a wrong password is refused as ever, and gives no challenge', async () => {
    await enrol()
    const response = await post('/v1/sessions', { username: 'alice', password: 'wrong horse' })
    expect(problemOf(response)).toEqual([401, 'credentials_invalid'])
    expect(await query('select from second_factor_challenge')).toEqual([])
  })

  it('accepts a code once, also when two show it at the same moment', async () => {
    const { secret } = await enrol()
    const challenges = await Promise.all([logIn(), logIn(), logIn()])
    const code = nextCode(secret)
    const answers = await Promise.all(challenges.map((first) => answer(challengeOf(first), code)))
    const statuses = answers.map(({ statusCode }) => statusCode)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 422, 422])
  })

  it('does not accept the code that turned it on, nor one from before the last', async () => {
    const { secret } = await enrol()
    const used = totpCodeOf(secret, now)
    const before = totpCodeOf(secret, new Date(now.getTime() - stepMilliseconds))
    const challenge = challengeOf(await logIn())
    for (const code of [used, before]) {
      expect(problemOf(await answer(challenge, code))).toEqual([
        422,
        'second_factor_code_incorrect',
      ])
    }
    expect((await answer(challenge, nextCode(secret))).statusCode).toBe(201)
  })

  it('has five tries for a challenge, also when all come at once', async () => {
    const { secret } = await enrol()
    const challenge = challengeOf(await logIn())
    const wrong = totpCodeOf(new Uint8Array(20), now)
    const answers = await Promise.all(Array.from({ length: 9 }, () => answer(challenge, wrong)))
    const left = answers
      .filter(({ statusCode }) => statusCode === 422)
      .map((response) => response.json<{ tries_left: number }>().tries_left)
    expect(left.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    expect(problemOf(await answer(challenge, nextCode(secret)))).toEqual([401, 'challenge_invalid'])
    const kinds = refusals.map(({ kind }) => kind)
    expect(kinds).toEqual(Array.from({ length: 5 }, () => 'second_factor.refused'))
  })

  it('has five minutes for a challenge', async () => {
    const { secret } = await enrol()
    const challenge = challengeOf(await logIn())
    await query('update second_factor_challenge set expires_at = bank_now()')
    expect(problemOf(await answer(challenge, nextCode(secret)))).toEqual([401, 'challenge_invalid'])
  })

  it('is refused in its second step when the password changed or the user was disabled meanwhile', async () => {
    const { secret } = await enrol()
    const challenges = [
      challengeOf(await logIn()),
      challengeOf(await logIn()),
      challengeOf(await logIn()),
    ] as const
    await query(`update app_user set status = 'disabled'`)
    expect(problemOf(await answer(challenges[0], nextCode(secret)))).toEqual([
      401,
      'challenge_invalid',
    ])
    await query(`update app_user set status = 'active'`)
    // What a login does that raises the cost of a hash is no change of the password.
    await query(`update app_user set password_hash = '$2b$04$' || repeat('a', 53)`)
    expect((await answer(challenges[1], nextCode(secret))).statusCode).toBe(201)
    await query('update app_user set password_changed_at = bank_now()')
    expect(problemOf(await answer(challenges[2], nextCode(secret)))).toEqual([
      401,
      'challenge_invalid',
    ])
    expect(await query('select from session')).toHaveLength(2)
  })

  it('with the challenge of one user and the code of another one is refused', async () => {
    await enrol('alice')
    const bob = await enrol('bob')
    const challenge = challengeOf(await logIn('alice'))
    const codes = [nextCode(bob.secret), bob.recoveryCodes[0] ?? '']
    for (const code of codes) {
      expect(problemOf(await answer(challenge, code))).toEqual([
        422,
        'second_factor_code_incorrect',
      ])
    }
  })

  it('with what can be no challenge or no code is refused by its form', async () => {
    const challenge = 'A'.repeat(43)
    expect(problemOf(await answer(challenge, '123456'))).toEqual([401, 'challenge_invalid'])
    expect(problemOf(await answer('short', '123456'))).toEqual([400, 'validation_failed'])
    for (const code of ['12345', '1234567', '12345a', '１２３４５６', 'abcd-efgh-jkmn']) {
      expect(problemOf(await answer(challenge, code))).toEqual([400, 'validation_failed'])
    }
  })
})
