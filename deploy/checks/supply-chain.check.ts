/**
 * What the image brings with it: each package has a hash in the lock and a licence that is allowed,
 * and only the named ones have scripts that run at an install. The SBOM (CycloneDX) is left in
 * deploy/sbom.cdx.json.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, type Check } from './support/check.ts'
import { at } from './support/manifest.ts'
import { deployFolder, projectFolder } from './support/paths.ts'
import { findLicenceProblems, findLockProblems, licencesOf } from './support/supply-rules.ts'
import { expectTool } from './support/tool.ts'

const scopes = ['--workspace=server', '--omit=dev', '--omit=optional']

export const check: Check = {
  name: 'supply chain: lock, licences, SBOM',
  async run() {
    const npm = (await expectTool('npm', ['--version'])).trim()
    const manifest = readJson(join(projectFolder, 'package.json'))
    const allowed = Object.keys(Object(at(manifest, 'allowScripts')))
    const sbom = await expectTool('npm', ['sbom', '--sbom-format', 'cyclonedx', ...scopes], {
      folder: projectFolder,
    })
    writeFileSync(join(deployFolder, 'sbom.cdx.json'), sbom)
    const licences = licencesOf(JSON.parse(sbom))
    const problems = [
      ...findLockProblems(readJson(join(projectFolder, 'package-lock.json')), allowed),
      ...findLockProblems(readJson(join(deployFolder, 'package-lock.json')), []),
      ...findLicenceProblems(licences),
    ]
    const kinds = new Set(licences.map(({ licence }) => licence)).size
    return judge(`npm ${npm}`, problems, `${licences.length} packages, ${kinds} licences`)
  },
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
