import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { consoles } from '../../adapters/consoles.ts'
import { library } from '../../build/packages.ts'
import { settingsSchema } from '../../config/settings.ts'
import { builtPackages, root } from './built.ts'

const built = builtPackages()

/** What Workers have of Node (nodejs_compat), as far as servers are about it. */
const ON_WORKERS = ['node:buffer', 'node:crypto', 'node:diagnostics_channel', 'node:net']

interface Bundle {
  /** Minified, in kB: the server's file with all that it imports, which is what a process loads before its first request. */
  readonly size: number
  /** Minified, in kB: files of their own for what `import()` loads when it is needed, and no sooner. */
  readonly later: Readonly<Record<string, number>>
  readonly code: string
  readonly builtIns: readonly string[]
  readonly modules: readonly string[]
}

/** What a bundler makes of a server's imports, for a platform that is not Node. */
async function bundle(source: string, external: readonly RegExp[] = []): Promise<Bundle> {
  const build = await rolldown({
    input: 'server',
    cwd: root,
    platform: 'neutral',
    resolve: { conditionNames: ['import', 'default'] },
    external: [/^node:/, /^#/, ...external],
    plugins: [
      {
        name: 'server',
        resolveId(id) {
          if (id === 'server') return id
          if (!/^idplug(\/|$)/.test(id)) return undefined
          return join(built, library.folder, 'lib', id === 'idplug' ? 'index.js' : `${id.slice('idplug/'.length)}.js`)
        },
        load: id => (id === 'server' ? source : undefined),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm', minify: true })
  await build.close()
  const chunks = output.filter(each => each.type === 'chunk')
  const code = chunks.map(chunk => chunk.code).join('\n')
  const kilobytes = (chunk: { readonly code: string }) => Buffer.byteLength(chunk.code) / 1000
  const atStart = new Set<string>()
  const add = (fileName: string) => {
    if (atStart.has(fileName)) return
    const chunk = chunks.find(each => each.fileName === fileName)
    if (!chunk) return
    atStart.add(fileName)
    chunk.imports.forEach(add)
  }
  for (const { isEntry, fileName } of chunks) if (isEntry) add(fileName)
  const later = chunks.filter(({ fileName }) => !atStart.has(fileName))
  return {
    size: chunks.filter(({ fileName }) => atStart.has(fileName)).reduce((sum, chunk) => sum + kilobytes(chunk), 0),
    later: Object.fromEntries(later.map(chunk => [chunk.name, kilobytes(chunk)])),
    code,
    builtIns: chunks
      .flatMap(chunk => [...chunk.imports, ...chunk.dynamicImports])
      .filter(each => each.startsWith('node:')),
    modules: chunks.flatMap(chunk =>
      Object.keys(chunk.modules).filter(id => (chunk.modules[id]?.renderedLength ?? 0) > 0),
    ),
  }
}

const SERVER = "export { protect } from 'idplug/fetch'"

// 18.7 kB of each is lru-cache: without it, the first would have 59.1 kB and the second 62.8. With createAuth, some 30 kB are the settings of our own authorization server. Sizes are those of what is loaded
// at the start; what may be loaded later is named, so that nothing that every request needs can hide there.
describe('the minified bundle of a server', () => {
  it('with authFrom and createJwtValidator has 78.5 kB at most, and no zod, jose or openid-client', async () => {
    const { size, builtIns, modules } = await bundle(
      `${SERVER}\nexport { authFrom, createJwtValidator } from 'idplug/core'`,
    )
    expect(size).toBeLessThanOrEqual(78.5)
    expect(builtIns.filter(each => !ON_WORKERS.includes(each))).toEqual([])
    expect(modules.filter(id => /node_modules\/(?!lru-cache)/.test(id.replace(built, '')))).toEqual([])
  })

  it('with DPoP as well has 82.2 kB at most, and no jose', async () => {
    const more = "export { authFrom, createJwtValidator, createProofCheck, createProofMemory } from 'idplug/core'"
    const { size, modules } = await bundle(`${SERVER}\n${more}`)
    expect(size).toBeLessThanOrEqual(82.2)
    expect(modules.filter(id => id.includes('node_modules/jose'))).toEqual([])
  })

  it('with createAuth and all its settings has 259.8 kB at most beside zod, and nothing that is for commands', async () => {
    const { size, builtIns, code } = await bundle(`${SERVER}\nexport { createAuth } from 'idplug'`, [/^zod/])
    expect(size).toBeLessThanOrEqual(259.8)
    // As a Worker has it that is one file: with what AUTH_WATCH loads elsewhere, 10.8 kB.
    expect(Buffer.byteLength(code) / 1000).toBeLessThanOrEqual(299.1)
    expect(builtIns.filter(each => !ON_WORKERS.includes(each))).toEqual([])
    expect(code).toContain('AUTH_PROVIDER')
    expect(code).not.toMatch(/commander|idplug init|oidc-provider|provider\.schema\.json/)
  })

  it('with createAuth loads the OAuth client at the first introspection, and what starts our own server and what is watched where settings ask', async () => {
    const { later } = await bundle(`${SERVER}\nexport { createAuth } from 'idplug'`, [/^zod/])
    expect(Object.keys(later).sort()).toEqual(['introspection-request', 'own-server-run', 'watch-writer'])
    expect(later['introspection-request']).toBeLessThanOrEqual(21)
    expect(later['own-server-run']).toBeLessThanOrEqual(7.5)
    expect(later['watch-writer']).toBeLessThanOrEqual(11)
  })

  it('with createAuth loads later what refers back to nothing that needs zod, which esbuild would let begin too late', () => {
    for (const later of ['introspection-request', 'own-server-run', 'watch-writer']) {
      const code = readFileSync(join(built, library.folder, `lib/chunks/${later}.js`), 'utf8')
      expect(code).not.toMatch(/from "\.\/index\.js"/)
    }
  })

  it('with createAuth holds no description of a setting, which are for the docs', async () => {
    const { code } = await bundle("export { createAuth } from 'idplug'", [/^zod/])
    const descriptions = Object.values(settingsSchema.shape).flatMap(({ description }) => description ?? [])
    expect(descriptions.length).toBeGreaterThan(20)
    expect(descriptions.filter(text => code.includes(text))).toEqual([])
  })

  it('with createAuth holds no text that is for whoever sets a provider up', async () => {
    const { code } = await bundle("export { createAuth } from 'idplug'", [/^zod/])
    const texts = Object.values(consoles).flatMap(({ fixes, steps }) => [
      ...Object.values(fixes),
      ...steps({ resource: '', scopes: [] }),
    ])
    expect(code).toContain('AUTH_PROVIDER')
    expect(texts.length).toBeGreaterThan(50)
    expect(texts.filter(text => code.includes(text))).toEqual([])
  })
})
