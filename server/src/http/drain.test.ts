import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { Routes } from './route.ts'
import { createHttpServer } from './server.ts'
import { testServerOptions } from './testing.ts'

/** A server with a route that answers when the test says so. */
async function start() {
  const held: (() => void)[] = []
  let arrived: (() => void) | undefined
  let servedCount = 0
  const routes: Routes = async (app) => {
    app.get(
      '/slow',
      { config: { access: 'public' }, schema: { operationId: 'slow' } },
      async (request) => {
        servedCount += 1
        await new Promise<void>((resolve) => {
          held.push(resolve)
          arrived?.()
        })
        return { id: request.id }
      },
    )
  }
  const server = await createHttpServer({
    ...testServerOptions,
    routes: [routes],
    onError: (error) => expect.fail(String(error)),
  })
  const address = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  return {
    server,
    port: Number(address.port),
    servedCount: () => servedCount,
    /** Resolves when so many requests are being answered. */
    hold: async (count: number) => {
      while (held.length < count) {
        // oxlint-disable-next-line no-await-in-loop
        await new Promise<void>((resolve) => (arrived = resolve))
      }
    },
    release: () => held.splice(0).forEach((answer) => answer()),
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

const get = (path: string, id = 'x') =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nRequest-Id: ${id}\r\n\r\n`

const idsIn = (stream: string) => [...stream.matchAll(/request-id: (\w+)/g)].map(([, id]) => id)

test('a drain answers what is in flight, closes what is idle and refuses new connections', async () => {
  const { server, port, hold, release } = await start()
  const busy = await open(port)
  const idle = await open(port)
  const silent = await open(port)
  idle.write(get('/livez'))
  await once(idle, 'data')
  busy.write(get('/slow', 'a'))
  const busyText = text(busy)
  await hold(1)
  const closed = server.close(60_000)
  await Promise.all([once(idle, 'close'), once(silent, 'close')])
  await expect(open(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  release()
  const answer = await busyText
  expect(answer).toContain('HTTP/1.1 200 OK')
  expect(answer.toLowerCase()).toContain('connection: close')
  await closed
})

test('a request that is on its way on an idle connection when a drain begins is answered', async () => {
  const { server, port } = await start()
  const idle = await open(port)
  idle.write(get('/livez'))
  await once(idle, 'data')
  const answer = text(idle)
  idle.write(get('/livez', 'late'))
  // In the same turn, so the server has not read it.
  const closed = server.close(60_000)
  expect(idsIn(await answer)).toEqual(['late'])
  await closed
})

test('of pipelined requests every one is answered, and the last answer closes', async () => {
  const { server, port, hold, release } = await start()
  const socket = await open(port)
  const answers = text(socket)
  socket.write(get('/slow', 'a') + get('/slow', 'b'))
  await hold(2)
  const closed = server.close(60_000)
  socket.write(get('/slow', 'c') + get('/slow', 'd'))
  await hold(4)
  release()
  const stream = await answers
  expect(idsIn(stream)).toEqual(['a', 'b', 'c', 'd'])
  expect(stream.match(/connection: close/gi)).toHaveLength(1)
  await closed
})

test('readyz says that the server is stopping', async () => {
  const { server, port, hold, release } = await start()
  const socket = await open(port)
  socket.write(get('/slow'))
  await hold(1)
  const closed = server.close(60_000)
  const response = await server.app.inject('/readyz')
  expect(response.statusCode).toBe(503)
  expect(response.json()).toMatchObject({ code: 'shutting_down' })
  release()
  await closed
})

test('what arrives after the closing answer is not processed', async () => {
  const { server, port, hold, release, servedCount } = await start()
  const socket = await open(port)
  socket.write(get('/slow', 'a'))
  await hold(1)
  const closed = server.close(60_000)
  release()
  await once(socket, 'data')
  socket.write(get('/slow', 'late'))
  await closed
  expect(servedCount()).toBe(1)
})

test('the drain ends at its limit, whatever is still in flight', async () => {
  const { server, port, hold, release } = await start()
  const socket = await open(port)
  socket.on('error', () => {})
  socket.write(get('/slow'))
  await hold(1)
  await server.close(0)
  expect(socket.destroyed || (await once(socket, 'close').then(() => true))).toBe(true)
  release()
})
