import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packages } from '../../build/packages.ts'
import manifest from '../../package.json' with { type: 'json' }
import { builtPackages, root } from './built.ts'

const built = builtPackages()
const filesOf = (folder: string) => readdirSync(join(built, folder), { recursive: true, encoding: 'utf8' })
const read = (...path: string[]) => readFileSync(join(built, ...path), 'utf8')

function importedPackages(folder: string): string[] {
  const specifiers = filesOf(join(folder, 'lib'))
    .filter(file => file.endsWith('.js'))
    .flatMap(file => [...read(folder, 'lib', file).matchAll(IMPORTS)].map(([, specifier]) => specifier as string))
  const names = specifiers
    .filter(specifier => !/^(\.|#|node:)/.test(specifier))
    .map(specifier =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  return [...new Set(names)].sort()
}

/** Of built files. The name of an optional module is a parameter, so that bundlers leave it out. */
const IMPORTS = /(?:^(?:import|export)\b[^;]*?\bfrom |^import |\bimport\(|\boptionalModule\()"([^"]+)"/gm

describe.each(packages)('the package $name', ({ name, folder, dependencies, peers, entries, untyped, bin }) => {
  const published = JSON.parse(read(folder, 'package.json'))

  it('imports exactly what it depends on, apart from what its users bring along', () => {
    const imported = importedPackages(folder)
    expect(imported.filter(each => !(each in peers))).toEqual([...dependencies].sort())
    expect(Object.keys(published.peerDependencies ?? {})).toEqual(Object.keys(peers))
    for (const peer of Object.keys(peers)) expect(published.peerDependenciesMeta[peer]).toEqual({ optional: true })
  })

  it('has the versions of this repository', () => {
    expect(published.version).toBe(manifest.version)
    for (const [dependency, version] of Object.entries(published.dependencies)) {
      const own = dependency === 'idplug' ? manifest.version : manifest.dependencies[dependency as 'jose']
      expect(version, dependency).toBe(own)
    }
  })

  it('says where it comes from, as the README does', () => {
    const [, repository] = readFileSync(join(root, 'README.md'), 'utf8').match(/git clone (https:\S+)/) ?? []
    expect(published.repository.url).toBe(`git+${repository}.git`)
    expect(published.homepage).toContain(repository)
    expect(published.bugs).toBe(`${repository}/issues`)
  })

  it('has a file behind every name, with declarations where it promises something', () => {
    const targets = Object.values(published.exports as Record<string, string | Record<string, string>>)
      .flatMap(target => (typeof target === 'string' ? [target] : Object.values(target)))
      .filter(target => !target.includes('*'))
    expect(filesOf(folder)).toEqual(expect.arrayContaining(targets.map(target => target.slice(2))))
    for (const entry of Object.keys(entries)) {
      expect(typeof published.exports[entry] === 'string', entry).toBe(untyped.includes(entry))
    }
  })

  it('holds a licence, a changelog and a README, and no sources or tests', () => {
    const files = filesOf(folder)
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md']))
    expect(files.filter(file => /\.ts$/.test(file) && !file.endsWith('.d.ts'))).toEqual([])
    expect(files.filter(file => /(^|\/)(test|bench)\//.test(file))).toEqual([])
  })

  it('has a command only in the library', () => {
    expect(bin !== undefined).toBe(name === 'idplug')
    expect(published.bin).toEqual(bin)
  })

  it('finds favour with publint', () => {
    const publint = join(root, 'node_modules/publint/src/cli.js')
    const said = execFileSync(process.execPath, [publint, '--strict', '--pack', 'false', join(built, folder)], {
      encoding: 'utf8',
    })
    expect(said).toContain('All good!')
  })

  it('has types that every kind of ES module project finds', () => {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    const tarball = join(built, `${folder}.tgz`)
    execFileSync('tar', ['-czf', tarball, '--transform=s,^\\.,package,', '-C', join(built, folder), '.'])
    const excluded = [...untyped, './schemas/*'].flatMap(entry => ['--exclude-entrypoints', entry])
    // Ends with another code than 0 when it finds something.
    execFileSync(process.execPath, [attw, tarball, '--profile', 'esm-only', ...excluded], { stdio: 'pipe' })
  })
})
