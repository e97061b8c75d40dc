/**
 * The messages of PostgreSQL's wire protocol, cut out of a stream of chunks that come as TCP pleases:
 * several in one, or one in several.
 *
 * A message is a letter, its length (which counts itself and what follows, not the letter), and its
 * body. Only the first ones of a client have no letter: a request for encryption, a cancellation, or
 * the startup message, after which all have one.
 * (PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats".)
 */
export interface Message {
  /** The letter; empty for a message without. */
  type: string
  /** Everything, the letter and the length included. */
  bytes: Buffer
  body: Buffer
}

export const protocolCodes = {
  startup: 3,
  cancel: 80_877_102,
  ssl: 80_877_103,
  gss: 80_877_104,
} as const

/** Gives the messages that are whole by now; what is left waits for the next chunk. */
export type MessageReader = (chunk: Buffer) => Message[]

/** The most that a message may say it is long: PostgreSQL's own limit. */
const lengthMax = 0x3fff_ffff

/** With `startup` the stream is a client's, which begins without letters. */
export function createMessageReader({ startup }: { startup: boolean }): MessageReader {
  let rest: Buffer = Buffer.alloc(0)
  let isStarting = startup

  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const messages: Message[] = []
    let at = 0
    for (;;) {
      const letterLength = isStarting ? 0 : 1
      if (bytes.length - at < letterLength + 4) break
      const length = bytes.readInt32BE(at + letterLength)
      if (length < 4 || length > lengthMax)
        throw new Error('this is not the protocol of PostgreSQL')
      const end = at + letterLength + length
      if (bytes.length < end) break
      const message: Message = {
        type: isStarting ? '' : String.fromCharCode(bytes[at] ?? 0),
        bytes: bytes.subarray(at, end),
        body: bytes.subarray(at + letterLength + 4, end),
      }
      if (isStarting) isStarting = !isStartup(message)
      messages.push(message)
      at = end
    }
    rest = bytes.subarray(at)
    return messages
  }
}

/** True for the startup message, as opposed to what a client may ask for before it. */
export function isStartup({ type, body }: Message): boolean {
  return type === '' && body.length >= 4 && body.readInt16BE(0) === protocolCodes.startup
}

/** True for a request to encrypt the line, which is answered with one byte. */
export function isEncryptionRequest({ type, body }: Message): boolean {
  if (type !== '' || body.length < 4) return false
  const code = body.readInt32BE(0)
  return code === protocolCodes.ssl || code === protocolCodes.gss
}

/** The text up to the next zero byte, and where the one after it begins. */
export function readText(body: Buffer, at: number): { text: string; next: number } {
  const end = body.indexOf(0, at)
  if (end < 0) throw new Error('a text of the protocol has no end')
  return { text: body.toString('utf8', at, end), next: end + 1 }
}

/** A parameter of the startup message, such as `application_name`. */
export function startupParameter({ body }: Message, name: string): string | undefined {
  let at = 4
  while (at < body.length && body[at] !== 0) {
    const key = readText(body, at)
    const value = readText(body, key.next)
    if (key.text === name) return value.text
    at = value.next
  }
  return undefined
}

export function queryMessage(text: string): Buffer {
  return encode('Q', Buffer.from(`${text}\0`))
}

/** An error as the database itself would answer it. */
export function errorMessage(severity: 'ERROR' | 'FATAL', code: string, text: string): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`]
  return encode('E', Buffer.from(`${fields.join('\0')}\0\0`))
}

function encode(type: string, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(5 + body.length)
  bytes.write(type, 0, 'latin1')
  bytes.writeInt32BE(4 + body.length, 1)
  body.copy(bytes, 5)
  return bytes
}
