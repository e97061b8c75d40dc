/** The app: the stacks of one environment in the order of what they need, and the rules over them. */
import { App, Validations, type AppProps } from 'aws-cdk-lib'
import { AwsSolutionsChecks, PCIDSS321Checks } from 'cdk-nag'
import { createCluster } from './cluster.ts'
import { createData } from './data.ts'
import { createDelivery } from './delivery.ts'
import { createDns } from './dns.ts'
import { createNetwork } from './network.ts'
import { createRegistry } from './registry.ts'
import type { Settings } from './settings.ts'

/** A finding of the rules that is neither fixed nor acknowledged makes the synthesis fail. */
export function createApp(settings: Settings, props: AppProps = {}): App {
  const app = new App({ analyticsReporting: false, ...props })
  addStacks(app, settings)
  return app
}

export function addStacks(app: App, settings: Settings): void {
  createRegistry(app, settings)
  const network = createNetwork(app, settings)
  const data = createData(app, settings, network)
  const cluster = createCluster(app, settings, network, data)
  createDelivery(app, settings, cluster)
  createDns(app, settings, cluster)
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new PCIDSS321Checks(app))
}
