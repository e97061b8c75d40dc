/** Bytes to a bank and what comes back, for requests that no HTTP client would send. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

export interface RawAnswer {
  status: number
  /** In lower case. */
  head: string
  body: string
}

/** Sends the bytes and reads until the server closes. `end` closes this side at once. */
export async function exchange(
  url: string,
  bytes: string | Buffer,
  { end = false }: { end?: boolean } = {},
): Promise<RawAnswer[]> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  if (end) socket.end(bytes)
  else socket.write(bytes)
  return answersOf(await text(socket))
}

function answersOf(stream: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = stream; rest !== '';) {
    const bodyAt = rest.indexOf('\r\n\r\n') + 4
    if (bodyAt < 4) throw new Error(`no answer: ${rest}`)
    const head = rest.slice(0, bodyAt).toLowerCase()
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0)
    answers.push({
      status: Number(head.slice(9, 12)),
      head,
      body: rest.slice(bodyAt, bodyAt + length),
    })
    rest = rest.slice(bodyAt + length)
  }
  return answers
}
