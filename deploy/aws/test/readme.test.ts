/** The page of this package tells the truth about what can be counted. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { profiles } from '../src/profiles.ts'
import { packageFolder } from './support.ts'

const page = readFileSync(join(packageFolder, 'README.md'), 'utf8')

function row(title: string): string[] {
  const line = page.split('\n').find((text) => text.startsWith(`| ${title}`))
  return (line ?? '')
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim())
}

test('the table of the costs adds up', () => {
  const lines = page.split('\n')
  const start = lines.findIndex((line) => line.startsWith('| EKS control plane'))
  const end = lines.findIndex((line) => line.startsWith('| **sum**'))
  const costs = lines.slice(start, end).map((line) => line.split('|').slice(2, 4).map(Number))
  const sums = [0, 1].map((column) => costs.reduce((sum, cost) => sum + (cost[column] ?? NaN), 0))
  expect(row('**sum**')).toEqual(sums.map((sum) => `**${sum}**`))
})

test('the page of the deployment names the same sums', () => {
  const [small, production] = row('**sum**').map((cell) => cell.replaceAll('*', ''))
  const deployment = readFileSync(join(packageFolder, '../README.md'), 'utf8')
  expect(deployment).toContain(
    `is about ${small} US dollars a month, \`production\` ${production},`,
  )
})

test('the table of the profiles is that of the program', () => {
  const list = [profiles.small, profiles.production]
  expect(row('zones')).toEqual(list.map(({ zoneCount }) => String(zoneCount)))
  expect(row('restore')).toEqual(list.map(({ database }) => `${database.backupDays} days`))
  expect(row('logs of network')).toEqual(list.map(({ logDays }) => `${logDays} days`))
  for (const [index, cell] of row('database |').entries()) {
    const database = list[index]?.database
    expect(cell).toContain(`db.${database?.instanceType}`)
    expect(cell.includes('standby')).toBe(database?.multiAz)
    expect(cell).toContain(`${database?.storageGib} GiB, ${database?.connectionsMax} connections`)
  }
})
