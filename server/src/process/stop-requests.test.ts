import { expect, test } from 'vitest'
import { createStopRequests } from './stop-requests.ts'

function setUp() {
  const calls: string[] = []
  const clock = { now: 5000 }
  const request = createStopRequests({
    onStop: (reason) => calls.push(`stop ${reason}`),
    onForce: (reason) => calls.push(`force ${reason}`),
    now: () => clock.now,
  })
  return { calls, clock, request }
}

test('a second signal within a second is the same request', () => {
  const { calls, clock, request } = setUp()
  request('SIGTERM')
  clock.now += 999
  request('SIGTERM')
  request('SIGINT')
  expect(calls).toEqual(['stop SIGTERM'])
})

test('a signal after that forces, once', () => {
  const { calls, clock, request } = setUp()
  request('SIGTERM')
  clock.now += 500
  request('SIGTERM')
  clock.now += 500
  request('SIGINT')
  request('SIGINT')
  expect(calls).toEqual(['stop SIGTERM', 'force SIGINT'])
})
