/** Instructions as HTTP requests, one function a kind. */
import { randomUUID } from 'node:crypto'
import {
  ofBank,
  type CustomerAccount,
  type Effect,
  type Instruction,
  type InstructionKind,
} from './instruction.ts'
import type { Hold, Original } from './pool.ts'

const currency = 'EUR'

type Request = Pick<Instruction, 'path' | 'token' | 'refusals'> & { body?: unknown }

function instruction(effect: Effect, request: Request): Instruction {
  return instructionOf(effect.kind, [effect], request)
}

function instructionOf(
  kind: InstructionKind,
  effects: readonly Effect[],
  { path, token, refusals, body }: Request,
): Instruction {
  return {
    kind,
    idempotencyKey: randomUUID(),
    path,
    token,
    body: body === undefined ? '' : JSON.stringify(body),
    effects,
    refusals,
  }
}

export function atCounter(
  kind: 'deposit' | 'withdrawal',
  token: string,
  { id }: CustomerAccount,
  amount: number,
): Instruction {
  const [debit, credit] = kind === 'deposit' ? [ofBank, id] : [id, ofBank]
  return instruction(
    { kind, debit, credit, amount, of: undefined },
    {
      path: `/v1/${kind}s`,
      token,
      body: { account_id: id, amount, currency },
      refusals: kind === 'deposit' ? [] : ['insufficient_funds'],
    },
  )
}

export function transfer(from: CustomerAccount, to: CustomerAccount, amount: number): Instruction {
  return instruction(
    { kind: 'transfer', debit: from.id, credit: to.id, amount, of: undefined },
    {
      path: '/v1/transfers',
      token: from.token,
      body: { from_account_id: from.id, to_account_id: to.id, amount, currency },
      refusals: ['insufficient_funds'],
    },
  )
}

/** With no end of its own when `expiresInSeconds` is absent, as far as a run is concerned. */
export function hold(
  { from, to, amount }: Pick<Hold, 'from' | 'to' | 'amount'>,
  expiresInSeconds: number | undefined,
): Instruction {
  return instruction(
    { kind: 'hold', debit: from.id, credit: to.id, amount, of: undefined },
    {
      path: '/v1/holds',
      token: from.token,
      body: {
        from_account_id: from.id,
        to_account_id: to.id,
        amount,
        currency,
        ...(expiresInSeconds !== undefined && { expires_in: expiresInSeconds }),
      },
      refusals: ['insufficient_funds'],
    },
  )
}

export function capture({ id, from, to }: Hold, amount: number): Instruction {
  return instruction(
    { kind: 'capture', debit: from.id, credit: to.id, amount, of: id },
    {
      path: `/v1/holds/${id}/capture`,
      token: from.token,
      body: { amount },
      refusals: ['hold_not_active', 'capture_exceeds_hold'],
    },
  )
}

export function release({ id, from, to, amount }: Hold): Instruction {
  return instruction(
    { kind: 'release', debit: from.id, credit: to.id, amount, of: id },
    { path: `/v1/holds/${id}/release`, token: from.token, refusals: ['hold_not_active'] },
  )
}

/** By who received, back to who paid. */
export function reversal({ id, from, to }: Original, amount: number): Instruction {
  return instruction(
    { kind: 'reversal', debit: to.id, credit: from.id, amount, of: id },
    {
      path: `/v1/transfers/${id}/reversals`,
      token: to.token,
      body: { amount },
      refusals: ['insufficient_funds', 'reversal_exceeds_original'],
    },
  )
}

/** All from accounts of one customer. */
export function group(transfers: readonly Omit<Original, 'id'>[]): Instruction {
  const [first] = transfers
  if (!first) throw new Error('a group has transfers')
  return instructionOf(
    'group',
    transfers.map(({ from, to, amount }) => ({
      kind: 'transfer',
      debit: from.id,
      credit: to.id,
      amount,
      of: undefined,
    })),
    {
      path: '/v1/transfers/bulk',
      token: first.from.token,
      body: {
        atomic: true,
        transfers: transfers.map(({ from, to, amount }) => ({
          from_account_id: from.id,
          to_account_id: to.id,
          amount,
          currency,
        })),
      },
      refusals: ['group_failed'],
    },
  )
}
