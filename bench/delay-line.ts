/**
 * `node bench/delay-line.ts TARGET_URL`: a line to a PostgreSQL that holds back what the server sends
 * by as many milliseconds as its parent says. A process of its own, so that neither the load nor the
 * server waits for its work. Tells its parent the port; ends with it.
 */
import { createServer, type Socket } from 'node:net'
import { addressOf } from '../test/support/tcp-proxy.ts'

const target = addressOf(process.argv[2] ?? '')
let delayMilliseconds = 0

process.on('message', (message) => {
  delayMilliseconds = Number(message)
})
process.on('disconnect', () => process.exit())

/** In order: what is due goes out, and a change of the delay lets nothing overtake. */
function createDelay(write: (chunk: Buffer) => void): (chunk: Buffer) => void {
  const waiting: { dueAt: number; chunk: Buffer }[] = []

  function flush(): void {
    const now = performance.now()
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (first.dueAt > now) {
        setTimeout(flush, first.dueAt - now)
        return
      }
      waiting.shift()
      write(first.chunk)
    }
  }

  return (chunk) => {
    if (delayMilliseconds === 0 && waiting.length === 0) {
      write(chunk)
      return
    }
    waiting.push({ dueAt: performance.now() + delayMilliseconds, chunk })
    if (waiting.length === 1) flush()
  }
}

const server = createServer({ noDelay: true }, (client) => {
  const upstream = target.connect()
  upstream.setNoDelay(true)
  const close = (): void => {
    client.destroy()
    upstream.destroy()
  }
  const sockets: Socket[] = [client, upstream]
  for (const socket of sockets) {
    socket.on('error', close)
    socket.on('close', close)
  }
  client.on(
    'data',
    createDelay((chunk) => upstream.write(chunk)),
  )
  upstream.on('data', (chunk: Buffer) => client.write(chunk))
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.send?.(address.port)
})
