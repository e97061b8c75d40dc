/** Rules of the packages: on a package-lock.json, and on an SBOM in the form of CycloneDX. */
import { at, listAt, textAt } from './manifest.ts'

/** Licences that ask for nothing but their text. */
const allowedLicences = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  '(MIT OR CC0-1.0)',
])

/** Packages that state their licence in a form of old, which npm does not read; read by a person. */
const licencesReadByHand: Readonly<Record<string, string>> = { 'nub@0.0.0': 'MIT' }

export interface LicencedPackage {
  name: string
  licence: string
}

/** The packages of others in an SBOM. */
export function licencesOf(sbom: unknown): LicencedPackage[] {
  return listAt(sbom, 'components')
    .filter((component) => !(textAt(component, 'name') ?? '').startsWith('@tallystick/'))
    .map((component) => {
      const licences = listAt(component, 'licenses').map(
        (licence) => textAt(licence, 'license.id') ?? textAt(licence, 'expression') ?? 'unknown',
      )
      const name = `${textAt(component, 'name')}@${textAt(component, 'version')}`
      const stated = licences.length === 0 ? 'none' : licences.join(' and ')
      return { name, licence: licencesReadByHand[name] ?? stated }
    })
}

export function findLicenceProblems(packages: readonly LicencedPackage[]): string[] {
  if (packages.length === 0) return ['the SBOM names no package']
  return packages
    .filter(({ licence }) => !allowedLicences.has(licence))
    .map(({ name, licence }) => `${name} has the licence ${licence}`)
}

/** Each package has a strong hash, and only those that are allowed run a script at an install. */
export function findLockProblems(lock: unknown, scriptsAllowed: readonly string[]): string[] {
  return Object.entries(Object(at(lock, 'packages')))
    .filter(([path]) => path.includes('node_modules/'))
    .filter(([, entry]) => at(entry, 'link') !== true)
    .flatMap(([path, entry]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      const hasHash = textAt(entry, 'integrity')?.startsWith('sha512-') ?? false
      const isAllowed = at(entry, 'hasInstallScript') !== true || scriptsAllowed.includes(name)
      return [
        ...(hasHash ? [] : [`${name} has no sha512 in the lock`]),
        ...(isAllowed ? [] : [`${name} would run a script at an install`]),
      ]
    })
}
