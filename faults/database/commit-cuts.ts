/** The line of a server cut at the two moments at which nobody can know from the line what happened. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import type { CutMoment } from '../proxy/proxy.ts'

/** Longer than an instruction may take, so that the ones in doubt are answered as such. */
const pastDeadlines = 11_000

/** The database is starting up: what a failover looks like to those who ask too early. */
const cannotConnectNow = '57P03'

function commitCut(moment: CutMoment, description: string): Fault {
  return {
    name: `commit-cut-${moment}`,
    description,
    async inject({ routed, load, note }, random) {
      const { name, route } = random.pick(routed)
      const cuts = random.integer(1, 4)
      for (let count = 1; count <= cuts; count += 1) {
        await route.cutAtCommit(moment)
        const pause = random.pick([
          0,
          0,
          0,
          random.integer(50, 1_500),
          random.integer(50, 1_500),
          pastDeadlines,
        ])
        note(`cut the line of ${name} just ${moment} COMMIT, no new one for ${pause} ms`)
        if (pause > 0) {
          route.refuse(cannotConnectNow)
          // Another connection would settle the question at once.
          route.cutAll()
          await sleep(pause)
          route.heal()
        }
        await load.acknowledged(random.integer(10, 60))
      }
    },
  }
}

export const commitCutBefore = commitCut(
  'before',
  'the line of a server is cut before a COMMIT reaches PostgreSQL',
)

export const commitCutAfter = commitCut(
  'after',
  'the line of a server is cut when a COMMIT is carried out and its answer is not back yet',
)
