/** What ten thousand clients cost that keep their connections and say nothing. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { measureLoad, progress, withBank, type BenchBank, type BenchSettings } from './bank.ts'
import { mebibytes, type Goals } from './figure.ts'
import { getRequest } from './load.ts'
import type { ReportLine } from './report.ts'
import { randomTransfers } from './requests.ts'

const connectionCount = 10_000
const atOnce = 100
/** For everything else that bench and server have open. */
const otherFiles = 1_000

const goals: Goals = { least: mebibytes(384), goal: mebibytes(256) }

export async function measureIdle(
  settings: BenchSettings,
  { seconds }: { seconds: number },
): Promise<ReportLine[]> {
  allowOpenFiles(connectionCount + otherFiles)
  return withBank(settings, async (bank) => {
    progress(`opening ${connectionCount} connections ...`)
    const before = bank.residentMebibytes()
    const sockets = await openAll(bank)
    try {
      await delay(5_000)
      const idle = bank.residentMebibytes()
      const { address, seeded } = bank
      const nextRequest = randomTransfers(seeded)
      await measureLoad('load beside them', { address, connections: 256, seconds, nextRequest })
      const loaded = bank.residentMebibytes()
      const open = sockets.filter((socket) => !socket.destroyed).length
      if (open < connectionCount) throw new Error(`${connectionCount - open} were closed`)
      return [
        { title: 'memory of the server before (RSS)', figure: { mebibytes: before } },
        {
          title: `memory with ${connectionCount} idle connections`,
          figure: { mebibytes: idle },
          goals,
        },
        { title: 'memory after a load beside them', figure: { mebibytes: loaded }, goals },
      ]
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
}

/** Every connection has asked for something once: it is kept alive, and not one that never spoke. */
async function openAll({ address }: BenchBank): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < connectionCount) {
    const some = Array.from({ length: atOnce }, (_, index) =>
      openOne(address, sockets.length + index),
    )
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

function openOne({ host, port }: BenchBank['address'], number: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // One source address has ports for less than 30,000 connections, some of them taken.
    const isLinux = process.platform === 'linux'
    const source = isLinux ? { localAddress: `127.0.0.${1 + (number % 8)}` } : {}
    const socket = connect({ host, port, ...source }, () => {
      socket.write(getRequest('/livez', {}))
    })
    socket.once('error', reject)
    socket.once('data', () => {
      socket.off('error', reject)
      // Whoever counts sees that it is closed.
      socket.on('error', () => undefined)
      socket.resume()
      resolve(socket)
    })
  })
}

/** Each connection is a file of this process and one of the server, which inherits the limit. */
function allowOpenFiles(count: number): void {
  if (process.platform !== 'linux' || openFilesMax() >= count) return
  spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${count}:${count}`])
  if (openFilesMax() >= count) return
  throw new Error(`the limit of open files is ${openFilesMax()}: raise it with ulimit -Hn ${count}`)
}

/** The hard limit: Node raises its soft limit to it at the start. */
function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1]
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}
