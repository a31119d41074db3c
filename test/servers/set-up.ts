// Packs the library as it is built in dist/, and installs it in every example: node test/servers/set-up.ts [--lock] [example ...]
// With --lock the lockfiles are written anew first, as they have to be when dependencies have changed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { examples, folderOf } from './examples.ts'

const { values, positionals } = parseArgs({ options: { lock: { type: 'boolean' } }, allowPositionals: true })
const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
const packages = folderOf('packages')
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error']

mkdirSync(packages, { recursive: true })
for (const [folder, name] of [
  ['idplug', 'idplug.tgz'],
  ['server', 'idplug-server.tgz'],
] as const) {
  const [packed] = JSON.parse(await npm(join(dist, folder), 'pack', '--json', '--pack-destination', packages))
  renameSync(join(packages, packed.filename), join(packages, name))
}

const waiting = examples.map(({ name }) => name).filter(name => positionals.length === 0 || positionals.includes(name))
await Promise.all(Array.from({ length: availableParallelism() }, work))

async function work(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const started = Date.now()
    await install(name)
    console.log(`${name}: ${((Date.now() - started) / 1000).toFixed(1)} s`)
  }
}

async function install(name: string): Promise<void> {
  const folder = folderOf(name)
  if (values.lock) await lock(folder)
  await npm(folder, 'ci', '--prefer-offline', '--ignore-scripts', ...QUIET)
  if (examples.find(example => example.name === name)?.builds) await npm(folder, 'run', 'build')
}

/** Without the digests of our own packages, which are others after each change of the library. */
async function lock(folder: string): Promise<void> {
  const file = join(folder, 'package-lock.json')
  rmSync(file, { force: true })
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true })
  await npm(folder, 'install', '--package-lock-only', '--prefer-offline', '--omit-lockfile-registry-resolved', ...QUIET)
  const lockfile = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, { integrity?: string }> }
  for (const name of ['idplug', '@idplug/server']) delete lockfile.packages[`node_modules/${name}`]?.integrity
  writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`)
}

/** @returns What it printed. @throws {Error} It failed. */
async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const child = spawn('npm', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`npm ${args.join(' ')} failed in ${cwd}: ${printed}`)
  return printed
}
