/** Each rule of the Dockerfile is broken once, and says so. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { findDockerfileProblems, findIgnoreProblems } from './dockerfile.check.ts'
import { projectFolder } from './support/paths.ts'

const text = readFileSync(join(projectFolder, 'Dockerfile'), 'utf8')

it.for([
  ['a base by tag', /@sha256:\w+/, ''],
  ['a stage with a shell at the end', /gcr.io\/distroless\/nodejs24-debian13:nonroot/, 'node:24'],
  ['root', 'USER 65532:65532', 'USER root'],
  ['no user', 'USER 65532:65532', ''],
  ['a shell that eats SIGTERM', /^CMD \[.*$/m, 'CMD server/src/main.ts'],
  ['a secret', 'ENV NODE_ENV=production', 'ENV TOKEN_SYMMETRIC_KEY=1'],
  ['development tools', '--omit=dev ', ''],
  ['scripts of packages', '--ignore-scripts ', ''],
  ['ADD', 'COPY LICENSE ./', 'ADD LICENSE ./'],
] as const)('%s is found', ([, from, to]) => {
  expect(findDockerfileProblems(text)).toEqual([])
  const broken = text.replace(from, to)
  expect(broken).not.toBe(text)
  expect(findDockerfileProblems(broken)).not.toEqual([])
})

it('a context that is open is found', () => {
  expect(findIgnoreProblems('*\n!server\n')).toEqual([])
  expect(findIgnoreProblems('node_modules\n')).not.toEqual([])
  expect(findIgnoreProblems('*\n!app.env\n')).not.toEqual([])
})

it('starts the server as npm start does', () => {
  const { scripts }: { scripts: { start: string } } = JSON.parse(
    readFileSync(join(projectFolder, 'package.json'), 'utf8'),
  )
  const command: string[] = JSON.parse(/^CMD (.*)$/m.exec(text)?.[1] ?? '')
  const arenas = /\b(MALLOC_ARENA_MAX=\S+)/.exec(text)?.[1]
  expect(`exec env ${arenas} node ${command.join(' ')}`).toBe(scripts.start)
})
