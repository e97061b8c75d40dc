/** What the tests of the harness share: a book without a bank behind it. */
import { createBook, type Book, type Entry } from './book.ts'
import type { Answer, Client, Outcome } from './client.ts'
import type { Instruction } from './instruction.ts'
import type { Fact } from './truth.ts'

/** Answers to every instruction what is next in the list. */
export function createBookOf(answers: Answer[]): Book {
  const client: Client = {
    ask: () => {
      const answer = answers.shift()
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('no answer is left'))
    },
    read: () => Promise.resolve(undefined),
    close: () => {},
  }
  return createBook(client)
}

export const server = { name: 'A', baseUrl: 'http://127.0.0.1:1' }

export function transferOf(amount: number): Instruction {
  return {
    kind: 'transfer',
    idempotencyKey: `key-${amount}`,
    path: '/v1/transfers',
    token: 'token',
    body: '{}',
    effects: [{ kind: 'transfer', debit: 'acct_a', credit: 'acct_b', amount, of: undefined }],
    refusals: ['insufficient_funds'],
  }
}

export function posted(id: string, replayed = false): Outcome {
  return { kind: 'posted', code: 'posted', status: 201, text: JSON.stringify({ id }), replayed }
}

export const refused: Outcome = {
  kind: 'refused',
  code: 'insufficient_funds',
  status: 422,
  text: '{}',
  replayed: false,
}

export const cut: Answer = { kind: 'unknown', code: 'line_cut', sentAt: 1, reused: false }
export const unavailable: Answer = { kind: 'nothing_done', code: 'unavailable' }

/** The row that the instruction of an entry has when all is well. */
export function factOf({ instruction }: Entry, id: string): Fact {
  const [effect] = instruction.effects
  if (!effect) throw new Error('an instruction has effects')
  return { id, effect, keys: [instruction.idempotencyKey], keyCount: 1 }
}
