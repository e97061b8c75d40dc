/**
 * What a client asks for, in the units that PostgreSQL answers: an exchange is a Query, or all that is
 * sent up to a Sync, and its answer ends with one ReadyForQuery. Pipelined exchanges are answered in
 * order.
 *
 * Which text a prepared statement has is remembered from its Parse, so that an exchange that only
 * names it has its text too.
 */
import { readText, type Message } from './messages.ts'

export interface Exchange {
  /** The SQL: of the Query, or of the last statement that is bound or parsed. */
  text: string
  bytes: Buffer
  /** It prepares a statement under a name, which the client counts on from then on. */
  prepares: boolean
}

/** `aside` is answered by no ReadyForQuery of its own: a password, the end, a part of an exchange. */
export type Request = ({ kind: 'exchange' } & Exchange) | { kind: 'aside'; bytes: Buffer }

/** Takes the messages of one client, after its startup message. */
export type ExchangeReader = (message: Message) => Request | undefined

const extendedTypes = 'PBDECSH'

export function createExchangeReader(): ExchangeReader {
  const texts = new Map<string, string>()
  let parts: Buffer[] = []
  let text = ''
  let prepares = false

  function take(): Exchange {
    const exchange = { text, prepares, bytes: Buffer.concat(parts) }
    parts = []
    text = ''
    prepares = false
    return exchange
  }

  function read({ type, body }: Message): void {
    if (type === 'P') {
      const name = readText(body, 0)
      text = readText(body, name.next).text
      texts.set(name.text, text)
      prepares ||= name.text !== ''
    } else if (type === 'B') {
      const portal = readText(body, 0)
      text = texts.get(readText(body, portal.next).text) ?? text
    }
  }

  return (message) => {
    const { type, bytes, body } = message
    if (type === 'Q') {
      return { kind: 'exchange', text: readText(body, 0).text, bytes, prepares: false }
    }
    if (!extendedTypes.includes(type)) return { kind: 'aside', bytes }
    parts.push(bytes)
    read(message)
    if (type === 'S') return { kind: 'exchange', ...take() }
    // Who flushes waits for the answers so far.
    return type === 'H' ? { kind: 'aside', bytes: take().bytes } : undefined
  }
}

/** True for the end of a tx that is to stay, and not for a BEGIN that is READ COMMITTED. */
export function isCommit({ text }: Exchange): boolean {
  return /^\s*commit\b/i.test(text)
}
