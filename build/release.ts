// npm run release -- --dry-run lists what would be published; without it, publishes from a clean state.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { packages } from './packages.ts'
import { releaseProblems } from './release-problems.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } })
const { version } = manifest

execFileSync(process.execPath, [join(root, 'build/build.ts')], { stdio: 'inherit' })
for (const { name, folder } of packages) {
  const [packed] = JSON.parse(npm('pack', '--dry-run', '--json', join(root, 'dist', folder))) as Packed[]
  if (!packed) throw new Error(`npm packs nothing of ${folder}`)
  console.log(
    `\n${name} ${packed.version}: ${packed.entryCount} files, ${kB(packed.unpackedSize)} (packed ${kB(packed.size)})`,
  )
  for (const { path, size } of packed.files) console.log(`${kB(size).padStart(10)}  ${path}`)
}

const problems = releaseProblems({
  version,
  changes: git('status', '--porcelain'),
  tags: git('tag', '--points-at', 'HEAD').split('\n'),
  changelog: readFileSync(join(root, 'CHANGELOG.md'), 'utf8'),
})
for (const problem of problems) console.error(`\nNot ready: ${problem}.`)
if (values['dry-run']) console.log('\nNothing was published.')
else if (problems.length > 0) process.exitCode = 1
else for (const { folder } of packages) npm('publish', '--access', 'public', join(root, 'dist', folder))

interface Packed {
  readonly version: string
  readonly size: number
  readonly unpackedSize: number
  readonly entryCount: number
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

/** The npm that runs this script: on Windows `npm` is a file of commands, which only a shell could start. */
function npm(...args: string[]): string {
  const { npm_execpath: own } = process.env
  const [program, first] = own === undefined ? ['npm', []] : [process.execPath, [own]]
  return execFileSync(program, [...first, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'inherit'],
  })
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
}

function kB(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}
