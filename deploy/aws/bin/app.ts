/** What `cdk` runs: the app of the environment that `-c environment=` names. */
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { addStacks } from '../src/app.ts'
import { readSettings } from '../src/settings.ts'

const app = new App()
const environment: unknown = app.node.tryGetContext('environment')
addStacks(app, readSettings(join(import.meta.dirname, '../settings'), String(environment)))
