/**
 * Stand-ins for the two bases of the Dockerfile, made of what this machine has: the Node and npm that
 * run this, a shell, and the libraries that they need. With them the image is built and run where no
 * registry can be reached. What they do not show is the content of the real bases.
 */
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expectTool, findTool } from './tool.ts'

/** Whom this machine trusts: the stand-ins have it in the same place, if there is one. */
export const caFile = '/etc/ssl/certs/ca-certificates.crt'

/** The root of a base with Node, npm and a shell, as the image `node` has them. */
export async function makeBuildRoot(folder: string): Promise<void> {
  await copyProgram(folder, process.execPath, '/usr/local/bin/node')
  await copyProgram(folder, '/bin/sh', '/bin/sh')
  await copyProgram(folder, '/usr/bin/env', '/usr/bin/env')
  const npm = findTool('npm')
  if (npm === undefined) throw new Error('there is no npm')
  const npmFolder = join(dirname(realpathSync(npm)), '..')
  cpSync(npmFolder, join(folder, 'usr/local/lib/npm'), { recursive: true, dereference: true })
  symlinkSync('../lib/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'))
  makeCommon(folder)
}

/** The root of a base with nothing but Node, as distroless has it. */
export async function makeRuntimeRoot(folder: string): Promise<void> {
  await copyProgram(folder, process.execPath, '/nodejs/bin/node')
  makeCommon(folder)
}

function makeCommon(folder: string): void {
  for (const name of ['etc', 'tmp', 'root', 'home/nonroot']) {
    mkdirSync(join(folder, name), { recursive: true })
  }
  writeFileSync(
    join(folder, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  )
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n')
  if (existsSync(caFile)) copyFile(folder, realpathSync(caFile), caFile)
}

/** A program with its loader and libraries, each where the program looks for it. */
async function copyProgram(folder: string, from: string, to: string): Promise<void> {
  copyFile(folder, realpathSync(from), to)
  const ldd = findTool('ldd')
  if (ldd === undefined) throw new Error('there is no ldd')
  const listed = await expectTool(ldd, [realpathSync(from)])
  for (const [, library = ''] of listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    if (!existsSync(join(folder, library))) copyFile(folder, realpathSync(library), library)
  }
}

function copyFile(folder: string, from: string, to: string): void {
  mkdirSync(dirname(join(folder, to)), { recursive: true })
  cpSync(from, join(folder, to))
}
