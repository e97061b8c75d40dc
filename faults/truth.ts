/**
 * What the database says happened, read past the servers, held against what the clients were told.
 *
 * The word of a bank: what was acknowledged is there once, with that content and under its key; what was
 * refused, or answered with "nothing was done", is not there; what is unknown is there once or not at
 * all; and nothing else is there.
 */
import { encodeId } from '../server/src/kernel/ids.ts'
import { queryOnce } from '../test/support/query.ts'
import { idsOf } from './answers.ts'
import { describeEntry, type Entry } from './book.ts'
import { ofBank, type Effect } from './instruction.ts'
import { wrong, type Violation } from './violation.ts'

/** Something that was done, as the database has it. */
export interface Fact {
  /** As the answer to the instruction names it. */
  id: string
  effect: Omit<Effect, 'kind'> & { kind: string }
  /** The idempotency keys that name the row, and how many should: a release shares that of its hold. */
  keys: readonly string[]
  keyCount: number
}

interface FactRow extends Record<'id' | 'kind' | 'amount' | 'of_prefix', string> {
  debit: string | null
  credit: string | null
  of_id: string | null
  keys: string[]
  key_count: number
}

/** All that was done at the bank. Reads transfers, holds and keys whole. */
export async function readFacts(url: string): Promise<Fact[]> {
  const rows = await queryOnce<FactRow>(
    url,
    `with own as (select account_id from bank_account),
      transfer_key as (select transfer_id, array_agg(key) as keys from idempotency_key
        where transfer_id is not null group by transfer_id),
      hold_key as (select hold_id, array_agg(key) as keys from idempotency_key
        where hold_id is not null group by hold_id),
      fact as (
        select t.id, t.kind, t.amount, t.debit_account_id, t.credit_account_id, k.keys,
          1 as key_count, coalesce(l.hold_id, l.reverses_id) as of_id,
          case when l.hold_id is null then 'xfer' else 'hold' end as of_prefix
        from transfer as t left join transfer_key as k on k.transfer_id = t.id
          left join transfer_link as l on l.transfer_id = t.id
        union all
        select h.id, f.kind, h.amount, h.debit_account_id, h.credit_account_id, k.keys,
          case h.state when 'released' then 2 else 1 end,
          case f.kind when 'release' then h.id end, 'hold'
        from hold as h left join hold_key as k on k.hold_id = h.id
          join (values ('hold'), ('release')) as f (kind)
            on f.kind = 'hold' or h.state = 'released'
      )
     select id, kind, amount, of_id, of_prefix, key_count, coalesce(keys, '{}') as keys,
      nullif(debit_account_id, d.account_id) as debit,
      nullif(credit_account_id, c.account_id) as credit
     from fact left join own as d on d.account_id = debit_account_id
      left join own as c on c.account_id = credit_account_id`,
  )
  return rows.map(({ id, kind, amount, debit, credit, of_id, of_prefix, keys, key_count }) => ({
    id: encodeId(kind === 'hold' || kind === 'release' ? 'hold' : 'xfer', id),
    effect: {
      kind,
      debit: accountOf(debit),
      credit: accountOf(credit),
      amount: Number(amount),
      of: of_id === null ? undefined : encodeId(of_prefix === 'hold' ? 'hold' : 'xfer', of_id),
    },
    keys,
    keyCount: key_count,
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
    const found = entry.instruction.effects.map((effect) => {
      const text = textOf(effect)
      const same = rest.get(text) ?? []
      rest.delete(text)
      return same
    })
    const [kind, text] = judgeEntry(entry, found) ?? []
    return kind && text ? [{ kind, text, evidence: evidenceOf(entry, found.flat()) }] : []
  })
  const strange = [...rest.values()].flat().map((fact) => {
    return wrong('nobody has asked for this', describeFact(fact))
  })
  return [...violations, ...strange]
}

/** With the rows of each of its effects. */
function judgeEntry(
  { instruction, outcome, wasUnknown }: Entry,
  found: readonly Fact[][],
): [Violation['kind'], string] | undefined {
  const facts = found.flat()
  const times = Math.max(...found.map(({ length }) => length))
  if (times > 1) return ['doubled', `it is there ${times} times`]
  if (facts.length === 0) {
    return outcome?.kind === 'posted' ? ['lost', 'it was acknowledged and is not there'] : undefined
  }
  if (facts.length < found.length) {
    const kind = outcome?.kind === 'posted' ? 'lost' : 'wrong'
    return [kind, `${facts.length} of the ${found.length} parts of it are there`]
  }
  if (outcome?.kind === 'refused') return ['wrong', 'it was refused and is there']
  if (!outcome && !wasUnknown) {
    return ['wrong', 'every answer said that nothing was done, and it is there']
  }
  if (outcome && idsOf(outcome.text).join() !== facts.map(({ id }) => id).join()) {
    return ['wrong', 'it is there under another id than the one that was answered']
  }
  const hasItsKey = ({ keys, keyCount }: Fact) =>
    keys.length === keyCount && keys.includes(instruction.idempotencyKey)
  if (facts.every(hasItsKey)) return undefined
  return ['wrong', 'it is there without its idempotency key, or with more than its own']
}

function evidenceOf(entry: Entry, found: readonly Fact[]): string[] {
  const { outcome } = entry
  return [
    ...describeEntry(entry),
    ...(outcome ? [`${outcome.status} ${outcome.text}`] : []),
    ...found.map(describeFact),
  ]
}

function textOf({ kind, debit, credit, amount, of }: Fact['effect']): string {
  return `${kind} ${amount} ${debit} ${credit} ${of ?? ''}`
}

function describeFact({ id, effect, keys }: Fact): string {
  const { kind, debit, credit, amount, of } = effect
  const about = of === undefined ? '' : ` about ${of}`
  const words = `${kind} of ${amount} from ${debit} to ${credit}${about}`
  return `row ${id}: ${words}, keys ${keys.join() || 'none'}`
}

function movesMoney({ kind }: Effect): boolean {
  return kind !== 'hold' && kind !== 'release'
}

/** What each account of a customer has by the book. */
export function balancesOf(entries: readonly Entry[]): Map<string, number> {
  const balances = new Map<string, number>()
  const add = (id: string, amount: number) => balances.set(id, (balances.get(id) ?? 0) + amount)
  for (const { outcome, instruction } of entries) {
    if (outcome?.kind !== 'posted') continue
    for (const { debit, credit, amount } of instruction.effects.filter(movesMoney)) {
      add(debit, -amount)
      add(credit, amount)
    }
  }
  balances.delete(ofBank)
  return balances
}
