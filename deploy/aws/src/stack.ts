/** What every stack of the app has in common. */
import { CfnOutput, Stack, Tags, type App, type StackProps } from 'aws-cdk-lib'
import type { Settings } from './settings.ts'

/** Knows its zones, so that a synthesis asks nobody; a Stack can only be told by a subclass. */
class OfflineStack extends Stack {
  readonly #zones: string[]

  constructor(app: App, name: string, settings: Settings, props: StackProps) {
    const { account, region } = settings
    super(app, name, { ...props, env: { account, region } })
    this.#zones = settings.availabilityZones
  }

  override get availabilityZones(): string[] {
    return [...this.#zones]
  }
}

export function makeStack(app: App, name: string, settings: Settings, description: string): Stack {
  const stack = new OfflineStack(app, name, settings, {
    description,
    // A delete by mistake needs two: this one is lifted in the console or by the teardown.
    terminationProtection: settings.profileName === 'production',
  })
  Tags.of(stack).add('project', 'tallystick')
  return stack
}

/** Outputs are read by people and by deploy/verify: each has a name that stays. */
export function makeOutputs(stack: Stack, outputs: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(outputs)) {
    new CfnOutput(stack, `Output${name}`, { value }).overrideLogicalId(name)
  }
}
