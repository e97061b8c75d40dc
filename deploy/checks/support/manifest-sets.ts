/** Every set of manifests that somebody applies: each overlay as released, and the variants. */
import type { Kustomize } from './kustomize.ts'
import { parseManifests, type Manifest } from './manifest.ts'

export interface ManifestSet {
  name: string
  /** In the cloud, where images have digests and secrets are not made by kustomize. */
  isReleased: boolean
  manifests: Manifest[]
}

const head =
  'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: tallystick\n'

const gatewayVariant = `${head}resources: [../../base]
components:
  - ../production/settings
  - ../../components/edge-gateway
  - ../../components/network-policy
`

const http01Variant = `${head}resources: [../staging]
components: [../../components/acme-http01]
`

export async function renderManifestSets(kustomize: Kustomize): Promise<ManifestSet[]> {
  const texts = [
    ['staging', true, await kustomize.renderRelease('staging')],
    ['production', true, await kustomize.renderRelease('production')],
    ['local', false, await kustomize.renderLocal()],
    ['edge-gateway', false, await kustomize.renderVariant(gatewayVariant)],
    ['acme-http01', false, await kustomize.renderVariant(http01Variant)],
  ] as const
  return texts.map(([name, isReleased, text]) => ({
    name,
    isReleased,
    manifests: parseManifests(text),
  }))
}
