import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import type { Routes } from './route.ts'
import { createHttpServer } from './server.ts'
import { buildTestApp, testServerOptions } from './testing.ts'

/** A route that answers when it is told to. */
function createSlowRoute() {
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const routes: Routes = async (app) => {
    app.get(
      '/slow',
      { config: { access: 'public' }, schema: { operationId: 'slow' } },
      async () => {
        arrived.resolve()
        await released.promise
        return { ok: true }
      },
    )
  }
  return { routes, arrived: arrived.promise, release: () => released.resolve() }
}

test('overloaded: more requests in flight than the limit are refused, but livez is answered', async () => {
  const { routes, arrived, release } = createSlowRoute()
  const server = await createHttpServer({
    ...testServerOptions,
    routes: [routes],
    onError: (error) => expect.fail(String(error)),
    limits: { requestsInFlightMax: 1 },
  })
  const origin = await server.listen({ host: '127.0.0.1', port: 0 })
  const first = fetch(`${origin}/slow`)
  await arrived
  const second = await fetch(`${origin}/problems/overloaded`)
  expect(second.status).toBe(503)
  expect(second.headers.get('retry-after')).toBe('1')
  expect(await second.json()).toMatchObject({ code: 'overloaded', retry: 'same_key' })
  expect((await fetch(`${origin}/livez`)).status).toBe(200)
  release()
  expect((await first).status).toBe(200)
  expect((await fetch(`${origin}/problems/overloaded`)).status).toBe(200)
  await server.close(1_000)
})

test('overloaded: requests are refused while the event loop lags, but livez is answered', async () => {
  const app = await buildTestApp({ routes: [], eventLoopDelayMaxMilliseconds: 5 })
  const blocked = new Int32Array(new SharedArrayBuffer(4))
  let answer = await app.inject('/problems/overloaded')
  for (let round = 0; round < 1_000 && answer.statusCode === 200; round += 1) {
    Atomics.wait(blocked, 0, 0, 30)
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setImmediate(resolve))
    // oxlint-disable-next-line no-await-in-loop
    answer = await app.inject('/problems/overloaded')
  }
  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toMatchObject({ code: 'overloaded', retry: 'same_key' })
  expect((await app.inject('/livez')).statusCode).toBe(200)
  await app.close()
})

test('more connections than the limit are closed, and the others are served', async () => {
  const server = await createHttpServer({
    ...testServerOptions,
    routes: [],
    onError: (error) => expect.fail(String(error)),
    limits: { connectionsMax: 2 },
  })
  const { port, host } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  const open = () => connect(Number(port), '127.0.0.1')
  const served = [open(), open()]
  await Promise.all(served.map((socket) => once(socket, 'connect')))
  const refused = open()
  refused.on('error', () => {})
  await once(refused, 'close')
  for (const socket of served) {
    socket.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    const [answer]: unknown[] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 200 /)
  }
  await server.close(1_000)
})
