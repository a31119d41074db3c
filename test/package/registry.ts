import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { builtPackages, root, temporaryFolder } from './built.ts'

const run = promisify(execFile)

interface Manifest {
  readonly name: string
  readonly version: string
}

export interface Registry {
  readonly url: string
  /** Names of the packages that were asked for and that it does not have. */
  readonly missing: ReadonlySet<string>
  close(): void
}

/**
 * A package registry on this machine: our two packages as they would be published, and what stands in this repository's `node_modules`.
 * So npm does what it does for users, without the network.
 */
export async function startRegistry(): Promise<Registry> {
  const built = builtPackages()
  const places = new Map<string, Map<string, string>>()
  for (const place of [join(built, 'idplug'), join(built, 'server')]) add(places, place)
  addAll(places, join(root, 'node_modules'))
  const tarballs = temporaryFolder('registry')
  const missing = new Set<string>()
  const packed = new Map<string, Promise<string>>()

  const server = createServer(async (request, response) => {
    const [name = '', version] = decodeURIComponent(new URL(request.url ?? '/', url).pathname.slice(1)).split('/-/')
    const versions = places.get(name)
    if (!versions) {
      missing.add(name)
      response.writeHead(404).end('{}')
      return
    }
    if (version === undefined) {
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(packument(name, versions, url)))
      return
    }
    const place = versions.get(version) as string
    packed.set(place, packed.get(place) ?? pack(place, join(tarballs, `${packed.size}.tgz`)))
    createReadStream(await (packed.get(place) ?? '')).pipe(response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, missing, close: () => server.close() }
}

function packument(name: string, versions: ReadonlyMap<string, string>, url: string): object {
  const entries = [...versions].map(([version, place]) => {
    const tarball = `${url}/${name.replace('/', '%2f')}/-/${version}`
    return [version, { ...readManifest(place), dist: { tarball } }]
  })
  // Ours come first, and of the others the one that this repository uses.
  return { name, 'dist-tags': { latest: entries[0]?.[0] }, versions: Object.fromEntries(entries) }
}

function addAll(places: Map<string, Map<string, string>>, folder: string): void {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith('.')) continue
    const names = entry.startsWith('@') ? readdirSync(join(folder, entry)).map(name => join(entry, name)) : [entry]
    for (const name of names) {
      add(places, join(folder, name))
      addAll(places, join(folder, name, 'node_modules'))
    }
  }
}

function add(places: Map<string, Map<string, string>>, place: string): void {
  if (!existsSync(join(place, 'package.json'))) return
  const { name, version } = readManifest(place)
  const versions = places.get(name) ?? new Map<string, string>()
  if (!versions.has(version)) versions.set(version, place)
  places.set(name, versions)
}

function readManifest(place: string): Manifest {
  return JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
}

async function pack(place: string, file: string): Promise<string> {
  await run('tar', ['-czf', file, '--exclude=./node_modules', '--transform=s,^\\.,package,', '-C', place, '.'])
  return file
}

/** Where npm keeps things, apart from those of the user, with the registry as its only one. */
export function npmEnvironment(registry: Registry): NodeJS.ProcessEnv {
  const home = temporaryFolder('home')
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|AUTH_|VITEST)/i.test(name))
  return {
    ...Object.fromEntries(own),
    HOME: home,
    npm_config_userconfig: join(home, '.npmrc'),
    npm_config_globalconfig: join(home, 'global.npmrc'),
    npm_config_cache: join(home, 'cache'),
    npm_config_prefix: join(home, 'global'),
    npm_config_registry: registry.url,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    npm_config_ignore_scripts: 'true',
  }
}
