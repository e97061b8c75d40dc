/** The rules of the Dockerfile and .dockerignore, on the parsed file. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DockerfileParser, type Dockerfile } from 'dockerfile-ast'
import { judge, type Check } from './support/check.ts'
import { projectFolder } from './support/paths.ts'

const secretName = /PASSWORD|TOKEN|SECRET|KEY|DATABASE_URL/i

export const check: Check = {
  name: 'dockerfile',
  async run() {
    const text = readFileSync(join(projectFolder, 'Dockerfile'), 'utf8')
    const ignore = readFileSync(join(projectFolder, '.dockerignore'), 'utf8')
    const problems = [...findDockerfileProblems(text), ...findIgnoreProblems(ignore)]
    return judge(`dockerfile-ast ${parserVersion()}`, problems, 'pins, user, entry point, context')
  },
}

/** What is wrong with a Dockerfile, one sentence each. */
export function findDockerfileProblems(text: string): string[] {
  const dockerfile = DockerfileParser.parse(text)
  return [
    ...findBaseProblems(dockerfile),
    ...findInstructionProblems(dockerfile),
    ...findRuntimeProblems(dockerfile),
  ]
}

function findBaseProblems(dockerfile: Dockerfile): string[] {
  const stages = dockerfile.getFROMs()
  const names = new Set(stages.map((stage) => stage.getBuildStage()))
  return stages
    .filter((stage) => !names.has(stage.getImage()))
    .filter((stage) => !/^[^@]+:[^@]+@sha256:[0-9a-f]{64}$/.test(stage.getImage() ?? ''))
    .map((stage) => `${stage.getImage()} is not pinned by tag and digest`)
}

function findInstructionProblems(dockerfile: Dockerfile): string[] {
  return dockerfile.getInstructions().flatMap((instruction) => {
    const words = instruction.getArgumentsContent() ?? ''
    const keyword = instruction.getKeyword()
    if (keyword === 'ADD') return ['ADD fetches and unpacks: use COPY']
    if ((keyword === 'ARG' || keyword === 'ENV') && secretName.test(words)) {
      return [`${keyword} ${words} looks like a secret in a layer`]
    }
    if (keyword === 'RUN' && /\bnpm\b/.test(words)) {
      const wanted = ['npm ci', '--omit=dev', '--omit=optional', '--ignore-scripts']
      return wanted.filter((word) => !words.includes(word)).map((word) => `npm without ${word}`)
    }
    return []
  })
}

/** The last stage is what runs. */
function findRuntimeProblems(dockerfile: Dockerfile): string[] {
  const start = dockerfile.getFROMs().at(-1)?.getRange().start.line ?? 0
  const instructions = dockerfile
    .getInstructions()
    .filter((instruction) => instruction.getRange().start.line >= start)
  const last = (keyword: string) =>
    instructions.findLast((instruction) => instruction.getKeyword() === keyword)
  const problems: string[] = []
  const base = instructions[0]?.getArgumentsContent() ?? ''
  if (!base.includes('distroless')) problems.push('the last stage has a shell')
  if (!/^[1-9]\d*:[1-9]\d*$/.test(last('USER')?.getArgumentsContent() ?? '')) {
    problems.push('the user of the last stage is not a number other than 0')
  }
  for (const keyword of ['ENTRYPOINT', 'CMD']) {
    if (!/^\[".*"\]$/.test(last(keyword)?.getArgumentsContent() ?? '')) {
      problems.push(`${keyword} is not in the form of a JSON array, so that a shell eats SIGTERM`)
    }
  }
  if (instructions.some((instruction) => instruction.getKeyword() === 'RUN')) {
    problems.push('the last stage runs a command')
  }
  return problems
}

/** The context is closed: a file that somebody leaves in the project gets into no image. */
export function findIgnoreProblems(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const problems = lines[0] === '*' ? [] : ['.dockerignore does not begin with *']
  const open = lines.filter((line) => line.startsWith('!'))
  const allowed = ['!LICENSE', '!package.json', '!package-lock.json', '!server']
  const unknown = open.filter((line) => !allowed.includes(line))
  return [...problems, ...unknown.map((line) => `.dockerignore lets ${line.slice(1)} in`)]
}

function parserVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('dockerfile-ast/package.json')
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}
