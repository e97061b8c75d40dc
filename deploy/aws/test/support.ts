/** Apps of the shipped settings, made as `cdk synth` makes them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { App, type Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { createApp } from '../src/app.ts'
import { readSettings, type Settings } from '../src/settings.ts'

export const packageFolder = join(import.meta.dirname, '..')
export const environments = ['staging', 'production'] as const

export function shippedSettings(environment: string): Settings {
  return readSettings(join(packageFolder, 'settings'), environment)
}

export function makeApp(settings: Settings): App {
  return createApp(settings, { context: readContext() })
}

/** The stack whose name ends with a word, such as `network`. */
export function templateOf(app: App, part: string): Template {
  return Template.fromStack(stackOf(app, part))
}

export function stackOf(app: App, part: string): Stack {
  const stack = stacksOf(app).find(({ stackName }) => stackName.endsWith(`-${part}`))
  if (stack === undefined) throw new Error(`there is no stack ${part}`)
  return stack
}

export function stacksOf(app: App): Stack[] {
  return app.node.children.filter((child) => isStack(child))
}

function isStack(value: object): value is Stack {
  return 'stackName' in value
}

export interface Resource {
  Type: string
  DeletionPolicy?: string
  Properties: Record<string, unknown>
}

/** The resources of a type by their logical names. */
export function resourcesOf(template: Template, type: string): Record<string, Resource> {
  const resources: Record<string, Resource> = {}
  for (const [name, value] of Object.entries(template.findResources(type))) {
    resources[name] = {
      Type: type,
      Properties: asRecord(value['Properties']),
      ...(typeof value['DeletionPolicy'] === 'string'
        ? { DeletionPolicy: value['DeletionPolicy'] }
        : {}),
    }
  }
  return resources
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

export function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(packageFolder, ...path), 'utf8'))
}

function readContext(): Record<string, unknown> {
  return asRecord(asRecord(readJson('cdk.json'))['context'])
}
