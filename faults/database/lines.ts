/** Lines that are neither whole nor cut. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'

export const blackholedDatabase: Fault = {
  name: 'blackholed-database',
  description: 'what passes between a server and PostgreSQL vanishes, and nothing is closed',
  async inject({ routed, note }, random) {
    const { name, route } = random.pick(routed)
    const direction = random.pick(['requests', 'answers', 'both'] as const)
    // Shorter and longer than the limits of the flights and of the sessions.
    const milliseconds = random.pick([random.integer(200, 2_000), random.integer(5_500, 12_000)])
    note(`${direction} of ${name} vanish for ${milliseconds} ms`)
    route.blackhole(direction)
    await sleep(milliseconds)
    route.heal()
  },
}

export const slowDatabase: Fault = {
  name: 'slow-database',
  description: 'everything between a server and PostgreSQL takes 50 to 400 ms longer, each way',
  async inject({ routed, load, note }, random) {
    const { name, route } = random.pick(routed)
    const delay = random.integer(50, 400)
    note(`the line of ${name} takes ${delay} ms`)
    route.delay(delay)
    await load.acknowledged(random.integer(50, 150))
    await sleep(random.integer(1_000, 4_000))
    if (random.percent(50)) {
      note('and is cut while it is slow')
      route.cutAll()
    }
    route.heal()
  },
}
