/** The names that the stacks, the workflows and the manifests of deploy/kubernetes share. */
import type { Settings } from './settings.ts'

/** The repository of the image: one for all environments of an account. */
export const imageRepository = 'tallystick'

/** The namespace and the service account of the bank. */
export const bank = { namespace: 'tallystick', serviceAccount: 'tallystick' }

export const databaseName = 'tallystick'
/** Logins of the database: the owner of the schema migrates, the other one is the server's. */
export const ownerLogin = 'tallystick_owner'
export const serverLogin = 'tallystick'

/** The group that deploy/kubernetes/access/deployer.yaml gives the rights of a release to. */
export const deployerGroup = 'tallystick-deployers'

export function stackName(settings: Settings, part: string): string {
  return `tallystick-${settings.environment}-${part}`
}

export function clusterName(settings: Settings): string {
  return `tallystick-${settings.environment}`
}

export function databaseId(settings: Settings): string {
  return `tallystick-${settings.environment}`
}

export function secretName(settings: Settings, part: string): string {
  return `tallystick/${settings.environment}/${part}`
}
