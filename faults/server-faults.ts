/** What happens to servers: killed, stopped, paused, asked twice. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, PostgresHost, ServerHost, World } from './fault.ts'
import type { Random } from './random.ts'

/** A moment that has nothing to do with what the servers are at. */
function aMoment(random: Random, millisecondsMax: number): Promise<void> {
  return sleep(random.integer(0, millisecondsMax))
}

const killServer: Fault = {
  name: 'kill-server',
  description: 'kill -9 of one server, or of all of them, in the middle of load',
  async inject({ servers, note }, random) {
    const victims = random.percent(25) ? servers : [random.pick(servers)]
    await aMoment(random, 300)
    note(`killed server ${victims.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`)
    await Promise.all(victims.map((server) => server.kill()))
    await aMoment(random, 700)
    await Promise.all(victims.map((server) => server.start()))
  },
}

const killEverything: Fault = {
  name: 'kill-everything',
  description: 'kill -9 of all servers and all of PostgreSQL at once',
  async inject({ servers, postgres, note }, random) {
    await aMoment(random, 300)
    note(`killed PostgreSQL (${postgres.pid}) and all servers`)
    await Promise.all([postgres.kill(), ...servers.map((server) => server.kill())])
    await postgres.start()
    await Promise.all(servers.map((server) => server.start()))
  },
}

const rollingRestart: Fault = {
  name: 'rolling-restart',
  description: 'SIGTERM and a new start for one server after the other; no request may fail',
  needs: { noFailedRequest: true },
  async inject({ servers, load, note }, random) {
    for (const server of random.shuffle(servers)) {
      await load.acknowledged(random.integer(20, 200))
      const code = await server.stop()
      note(`server ${server.name} stopped with ${code}`)
      if (code !== 0)
        throw new Error(`server ${server.name} was asked to stop and ended with ${code}`)
      await aMoment(random, 300)
      await server.start()
    }
  },
}

const pauseServer: Fault = {
  name: 'pause-server',
  description: 'SIGSTOP of one server inside a batch, with its locks held; the other goes on',
  async inject(world, random) {
    const server = random.pick(world.servers)
    const session = await pauseInsideBatch(world, server, random)
    world.note(`paused server ${server.name} (${server.pid}) inside a batch, session ${session}`)
    try {
      await world.load.acknowledged(random.integer(20, 200))
      await aMoment(random, 6_000)
    } finally {
      server.resume()
    }
  },
}

const pauseTriesMax = 60

/** Returns the session that waits for the server with the locks of a batch. */
async function pauseInsideBatch(
  { load, postgres }: World,
  server: ServerHost,
  random: Random,
): Promise<number> {
  for (let tries = 1; tries <= pauseTriesMax; tries += 1) {
    await load.acknowledged(random.integer(5, 40))
    server.pause()
    const session = await findWaitingSession(postgres)
    if (session !== undefined) return session
    server.resume()
  }
  throw new Error(`server ${server.name} was never paused inside a batch`)
}

/** Of a server that goes on, no batch waits for its server for so long. */
const isPausedMilliseconds = 60

async function findWaitingSession(postgres: PostgresHost): Promise<number | undefined> {
  await sleep(2 * isPausedMilliseconds)
  const [row] = await postgres.query<{ pid: number }>(
    `select a.pid from pg_stat_activity as a
     where a.application_name = 'tallystick ledger' and a.state = 'idle in transaction'
       and a.state_change < clock_timestamp() - interval '${isPausedMilliseconds} ms'
       and exists (select from pg_locks as l
         where l.pid = a.pid and l.locktype = 'transactionid' and l.granted)`,
  )
  return row?.pid
}

const deliverTwice: Fault = {
  name: 'deliver-twice',
  description: 'every request is delivered to two servers at one time',
  needs: { twicePercent: 100 },
  async inject({ load }, random) {
    await load.acknowledged(random.integer(200, 600))
  },
}

export const serverFaults: readonly Fault[] = [
  killServer,
  killEverything,
  rollingRestart,
  pauseServer,
  deliverTwice,
]
