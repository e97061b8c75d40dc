import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { runLoad, startLoad } from './load.ts'

let server: Server

afterEach(() => {
  server.close()
})

async function listen(answer: (socket: Socket, count: number) => void) {
  let count = 0
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      count += 1
      answer(socket, count)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP server')
  return { host: '127.0.0.1', port: address.port }
}

const request = 'GET / HTTP/1.1\r\n\r\n'

test('answers in pieces are put together, and counted by status', async () => {
  const address = await listen((socket, count) => {
    const status = count % 2 ? '200 OK' : '201 Created'
    const text = `HTTP/1.1 ${status}\r\nContent-Length: 10\r\n\r\n0123456789`
    socket.setNoDelay(true)
    socket.write(text.slice(0, 20))
    setImmediate(() => {
      socket.write(text.slice(20, 45))
      setImmediate(() => socket.write(text.slice(45)))
    })
  })
  const bodies = new Set<string>()
  const load = await startLoad({
    ...address,
    connections: 2,
    nextRequest: () => request,
    onAnswer: (body) => bodies.add(body.toString()),
  })
  while (load.completed() < 20) await new Promise((resolve) => setImmediate(resolve))
  const { completed, statuses } = await load.stop()
  expect(bodies).toEqual(new Set(['0123456789']))
  expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([200, 201])
  expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)).toBe(completed)
})

test('a connection that breaks breaks the run', async () => {
  const address = await listen((socket) => socket.destroy())
  const run = runLoad({
    ...address,
    connections: 2,
    durationSeconds: 60,
    nextRequest: () => request,
  })
  await expect(run).rejects.toThrow('closed a connection')
})

test('an answer that its load does not want breaks the run', async () => {
  const address = await listen((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  })
  const run = runLoad({
    ...address,
    connections: 1,
    durationSeconds: 60,
    nextRequest: () => request,
    onAnswer: () => {
      throw new Error('not wanted')
    },
  })
  await expect(run).rejects.toThrow('not wanted')
})
