/**
 * What the database says happened, read past the servers, held against what the clients were told.
 *
 * The word of a bank: what was acknowledged is there once, with that content and under its key; what was
 * refused, or answered with "nothing was done", is not there; what is unknown is there once or not at
 * all; and nothing else is there.
 */
import { encodeId } from '../server/src/kernel/ids.ts'
import { queryOnce } from '../test/support/query.ts'
import { describeEntry, type Entry } from './book.ts'
import { ofBank, type Effect } from './instructions.ts'
import { wrong, type Violation } from './violation.ts'

/** A movement that is in the database. */
export interface Fact {
  id: string
  effect: Omit<Effect, 'kind'> & { kind: string }
  /** The idempotency keys under which it is stored. */
  keys: readonly string[]
}

/** All movements of the bank. Reads `transfer`, `idempotency_key` and `bank_account` whole. */
export async function readFacts(url: string): Promise<Fact[]> {
  const rows = await queryOnce<
    Record<'id' | 'kind' | 'amount', string> & { debit: string | null; credit: string | null } & {
      keys: string[]
    }
  >(
    url,
    `with own as (select account_id from bank_account),
      key as (select transfer_id, array_agg(key) as keys from idempotency_key
        where transfer_id is not null group by transfer_id)
     select t.id, t.kind, t.amount, coalesce(key.keys, '{}') as keys,
      case when t.debit_account_id in (select account_id from own) then null
        else t.debit_account_id end as debit,
      case when t.credit_account_id in (select account_id from own) then null
        else t.credit_account_id end as credit
     from transfer as t left join key on key.transfer_id = t.id`,
  )
  return rows.map(({ id, kind, amount, debit, credit, keys }) => ({
    id: encodeId('xfer', id),
    effect: { kind, debit: accountOf(debit), credit: accountOf(credit), amount: Number(amount) },
    keys,
  }))
}

function accountOf(id: string | null): string {
  return id === null ? ofBank : encodeId('acct', id)
}

/** The words that were not kept; empty when the book and the facts agree. */
export function judge(entries: readonly Entry[], facts: readonly Fact[]): Violation[] {
  const rest = new Map<string, Fact[]>()
  for (const fact of facts) {
    const text = textOf(fact.effect)
    rest.set(text, [...(rest.get(text) ?? []), fact])
  }
  const violations = entries.flatMap((entry) => {
    const text = textOf(entry.instruction.effect)
    const found = rest.get(text) ?? []
    rest.delete(text)
    return judgeEntry(entry, found)
  })
  const strange = [...rest.values()].flat().map((fact) => {
    return wrong('nobody has asked for this', describeFact(fact))
  })
  return [...violations, ...strange]
}

function judgeEntry(entry: Entry, found: readonly Fact[]): Violation[] {
  const { outcome, wasUnknown } = entry
  const told = (kind: Violation['kind'], text: string): Violation[] => [
    {
      kind,
      text,
      evidence: [
        ...describeEntry(entry),
        ...(outcome ? [`${outcome.status} ${outcome.text}`] : []),
        ...found.map(describeFact),
      ],
    },
  ]
  const [fact, ...more] = found
  if (more.length > 0) return told('doubled', `it is there ${found.length} times`)
  if (!fact) {
    return outcome?.kind === 'posted' ? told('lost', 'it was acknowledged and is not there') : []
  }
  if (outcome?.kind === 'refused') return told('wrong', 'it was refused and is there')
  if (!outcome && !wasUnknown) {
    return told('wrong', 'every answer said that nothing was done, and it is there')
  }
  if (outcome && idOf(outcome.text) !== fact.id) {
    return told('wrong', 'it is there under another id than the one that was answered')
  }
  if (fact.keys.length !== 1 || fact.keys[0] !== entry.instruction.idempotencyKey) {
    return told('wrong', 'it is there without its idempotency key')
  }
  return []
}

function idOf(text: string): unknown {
  const body: unknown = JSON.parse(text)
  return typeof body === 'object' && body !== null && 'id' in body ? body.id : undefined
}

function textOf({ kind, debit, credit, amount }: Fact['effect']): string {
  return `${kind} ${amount} ${debit} ${credit}`
}

function describeFact({ id, effect, keys }: Fact): string {
  const { kind, debit, credit, amount } = effect
  return `row ${id}: ${kind} of ${amount} from ${debit} to ${credit}, keys ${keys.join() || 'none'}`
}

/** What each account of a customer has by the book. */
export function balancesOf(entries: readonly Entry[]): Map<string, number> {
  const balances = new Map<string, number>()
  const add = (id: string, amount: number) => balances.set(id, (balances.get(id) ?? 0) + amount)
  for (const { outcome, instruction } of entries) {
    if (outcome?.kind !== 'posted') continue
    add(instruction.effect.debit, -instruction.effect.amount)
    add(instruction.effect.credit, instruction.effect.amount)
  }
  balances.delete(ofBank)
  return balances
}
