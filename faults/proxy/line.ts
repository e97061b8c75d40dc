/**
 * One connection through the proxy: passes on what the client asks, unless a rule wants something
 * else at that exact point, and passes back the answers, which it tells apart by their ReadyForQuery.
 *
 * - A cut before: what was asked earlier has gone on, this exchange never does. A cut after: the
 *   database has carried the exchange out, and its answer is thrown away together with the line.
 * - An injected error leaves the session as the database itself would have: a statement is replaced by
 *   one that raises; a COMMIT by a ROLLBACK whose answer is replaced, since a COMMIT that fails ends
 *   its tx.
 */
import type { Socket } from 'node:net'
import { createExchangeReader, isCommit, type Exchange, type Request } from './exchanges.ts'
import {
  createMessageReader,
  errorMessage,
  isEncryptionRequest,
  isStartup,
  queryMessage,
  startupParameter,
  type Message,
} from './messages.ts'
import { createSlowLine, type LineState } from './slow-line.ts'

export type CutMoment = 'before' | 'after'

export type Action =
  | { kind: 'cut'; moment: CutMoment }
  /** The exchange fails with that SQLSTATE. */
  | { kind: 'error'; sqlState: string }
  /** A COMMIT does what it does for a tx that has failed: it succeeds, with the tag ROLLBACK. */
  | { kind: 'roll_back' }

export interface LineOptions {
  client: Socket
  connect: () => Socket
  /** What to do at an exchange; a rule that is used up answers `undefined`. */
  actionAt: (exchange: Exchange, applicationName: string) => Action | undefined
  /** Told when the action is done: the line is cut, the error is on its way back. */
  onDone: (action: Action) => void
  /** With a SQLSTATE, new sessions are refused with it. */
  refusal: () => string | undefined
  requests: () => LineState
  answers: () => LineState
}

export interface Line {
  cut(): void
  closed: Promise<void>
}

export function createLine(options: LineOptions): Line {
  const { client } = options
  const database = options.connect()
  database.setNoDelay(true)
  const toDatabase = createSlowLine(client, database, options.requests)
  const toClient = createSlowLine(database, client, options.answers)
  /** For each answer that is to come, what to do with it; the startup's comes first. */
  const expected: (Action | undefined)[] = []
  const readExchange = createExchangeReader()
  let applicationName = ''
  let isCut = false

  function cut(): void {
    isCut = true
    client.destroy()
    // What was passed on before reaches the database, which then finds the line closed.
    database.end(() => database.destroy())
  }

  function onRequest(message: Message): void {
    if (message.type !== '') return pass(readExchange(message))
    if (isEncryptionRequest(message)) return toClient.write(Buffer.from('N'))
    const refusal = options.refusal()
    if (refusal !== undefined) {
      toClient.write(errorMessage('FATAL', refusal, 'refused by the proxy'))
      return toClient.end()
    }
    if (isStartup(message)) expected.push(undefined)
    applicationName = startupParameter(message, 'application_name') ?? ''
    toDatabase.write(message.bytes)
  }

  function pass(request: Request | undefined): void {
    if (request === undefined) return
    if (request.kind === 'aside') return toDatabase.write(request.bytes)
    const action = options.actionAt(request, applicationName)
    if (action?.kind === 'cut' && action.moment === 'before') {
      cut()
      return options.onDone(action)
    }
    expected.push(action)
    toDatabase.write(replacementOf(request, action) ?? request.bytes)
    if (action?.kind === 'error' || action?.kind === 'roll_back') options.onDone(action)
  }

  function onAnswer(message: Message): Buffer | undefined {
    const action = expected[0]
    if (message.type === 'Z') expected.shift()
    if (message.type !== 'C') return message.bytes
    if (action?.kind === 'cut') {
      cut()
      options.onDone(action)
      return undefined
    }
    return action?.kind === 'error'
      ? errorMessage('ERROR', action.sqlState, 'injected by the proxy')
      : message.bytes
  }

  const readRequests = createMessageReader({ startup: true })
  client.on('data', (chunk) => {
    for (const message of readRequests(chunk)) if (!isCut) onRequest(message)
  })
  const readAnswers = createMessageReader({ startup: false })
  database.on('data', (chunk) => {
    const passed: Buffer[] = []
    for (const message of readAnswers(chunk)) {
      const bytes = isCut ? undefined : onAnswer(message)
      if (bytes) passed.push(bytes)
    }
    if (passed.length > 0) toClient.write(Buffer.concat(passed))
  })
  // 'end' is only told of a socket that is closed properly, 'close' of each.
  client.on('end', () => toDatabase.end()).on('close', () => toDatabase.end())
  database.on('end', () => toClient.end()).on('close', () => toClient.end())

  async function close(): Promise<void> {
    await Promise.all([client, database].map(closing))
    for (const action of expected) if (action?.kind === 'cut') options.onDone(action)
  }
  return { cut, closed: close() }
}

/** What goes to the database in the place of an exchange. */
function replacementOf(exchange: Exchange, action: Action | undefined): Buffer | undefined {
  if (action?.kind === 'roll_back') return queryMessage('rollback')
  if (action?.kind !== 'error') return undefined
  if (isCommit(exchange)) return queryMessage('rollback')
  const raise = `raise exception 'injected by the proxy' using errcode = '${action.sqlState}'`
  return queryMessage(`do $$ begin ${raise}; end $$`)
}

function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.once('close', () => resolve())
  })
}
