/**
 * The log: one line per event on standard output, as JSON or, in a terminal, in colours.
 *
 * Invariants: secrets are replaced before they are written, wherever they stand in the first three
 * levels of what is logged; errors are reduced to type, message, code and stack, since the details of
 * database errors hold what people typed, and in their texts passwords of URLs, tokens and mail
 * addresses are replaced (a mail server says in its reply whom it does not know).
 *
 * JSON is buffered (64 KiB, at most 250 ms) because one write per request is a tenth of a request:
 * `flush` before the process ends. While nobody reads, at most 16 MiB wait and further lines are lost.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

export interface LoggerOptions {
  level: string
  format: 'pretty' | 'json'
  /** Instead of standard output, for tests. */
  destination?: DestinationStream
}

export interface Log {
  logger: Logger
  /** Resolves when what is buffered is written, or after a second when nobody reads it. */
  flush(): Promise<void>
}

const secretNames = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'access_token',
  'accessToken',
  'refresh_token',
  'refreshToken',
  'key',
  'symmetricKey',
  'TOKEN_SYMMETRIC_KEY',
  'DATABASE_URL',
  'MIGRATION_DATABASE_URL',
  'BOOTSTRAP_ADMIN_PASSWORD',
  'SMTP_URL',
] as const

const redactedPaths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

export function createLogger({ level, format, destination }: LoggerOptions): Log {
  const stream = destination ? { stream: destination, flush: done } : openStandardOutput(format)
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: '[redacted]' },
      serializers: { err: describeError },
      hooks: {
        // pino takes the message of an error for a line that has none, as it stands.
        logMethod(inputs, method) {
          const [first, message] = inputs
          if (message !== undefined) return method.apply(this, inputs)
          const error = errorIn(first)
          if (error === undefined) return method.apply(this, inputs)
          return method.apply(this, [first, withoutSecrets(error.message)])
        },
      },
    },
    stream.stream,
  )
  return { logger, flush: () => stream.flush() }
}

function openStandardOutput(format: 'pretty' | 'json'): {
  stream: DestinationStream
  flush: () => Promise<void>
} {
  if (format === 'pretty') {
    const stream = pretty({
      sync: true,
      colorize: process.stdout.isTTY,
      translateTime: 'HH:MM:ss.l',
    })
    return { stream, flush: done }
  }
  const stream = pino.destination({
    dest: 1,
    sync: false,
    minLength: 32_768,
    maxWrite: 65_536,
    periodicFlush: 250,
    maxLength: 16 * 1024 * 1024,
  })
  // A reader that went away (`npm start | head`) must not end the bank.
  stream.on('error', ignore)
  // Not flushSync: it tries for ever where the reader is gone (sonic-boom 4). Twice, because the
  // first may only have waited for a write that was under way.
  const flushOnce = () => new Promise<void>((resolve) => stream.flush(() => resolve()))
  const flushAll = () => flushOnce().then(flushOnce)
  return { stream, flush: () => Promise.race([flushAll(), delay(1000, undefined, { ref: false })]) }
}

function ignore(): void {}

function done(): Promise<void> {
  return Promise.resolve()
}

function errorIn(logged: unknown): Error | undefined {
  if (logged instanceof Error) return logged
  const isObject = typeof logged === 'object' && logged !== null
  return isObject && 'err' in logged && logged.err instanceof Error ? logged.err : undefined
}

interface ErrorFacts {
  type: string
  message: string
  code?: string
  stack?: string
  cause?: ErrorFacts
}

/** What the log keeps of an error, and of its causes up to five levels. */
export function describeError(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error))
    return { type: typeof error, message: withoutSecrets(String(error)) }
  const facts: ErrorFacts = { type: error.name, message: withoutSecrets(error.message) }
  if ('code' in error && typeof error.code === 'string') facts.code = error.code
  if (error.stack !== undefined) facts.stack = withoutSecrets(error.stack)
  if (error.cause !== undefined && depth < 5) facts.cause = describeError(error.cause, depth + 1)
  return facts
}

function withoutSecrets(text: string): string {
  return text
    .replace(/(\w+:\/\/[^\s:/@]*:)[^\s@]*@/g, '$1[redacted]@')
    .replace(/\b(bearer )[\x21-\x7e]+/gi, '$1[redacted]')
    .replace(ownTokens, '[redacted]')
    .replace(mailAddress, '[redacted]')
}

/** Access tokens of all kinds, refresh tokens and API keys. */
const ownTokens = /\b(?:v[24]\.local\.|ts[rk]_|eyJ[\w-]*\.)[\w.-]{16,}/g

/** Not the user and host of a URL, nor a package and its version in a path. */
const mailAddress =
  /(?<!:\/\/[^\s@]*)[^\s<>()[\]:;,"'/@]+@(?:[\p{L}\p{N}-]+\.)+\p{L}[\p{L}\p{N}-]+/gu
