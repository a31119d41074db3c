import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { consoles } from '../../adapters/consoles.ts'
import { adapters } from '../../adapters/index.ts'
import { people } from '../../adapters/people.ts'
import { providerFiles } from '../../config/provider-files.ts'
import { emulatorNames } from '../../emulators/run.ts'
import { signatureAlgorithms } from '../../src/engines/signature.ts'
import type { ProviderConsole } from '../../src/provider-console.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const names = adapters.map(({ name }) => name)

/** Our own server: nothing is set up in a console, its guide is that of the server, and it needs no stand-in. */
const OWN = 'demo'
/** Where nobody signs in for the bridge: our own server signs people in itself, and an introspection endpoint only answers. */
const WITHOUT_PEOPLE = [OWN, 'introspection']

/** Options that make one adapter or another check tokens in one of its ways. */
const WAYS = [{}, { accessTokenFormat: 'jwt' }, { clientId: 'introspector' }, { serviceAccountIdTokens: ['1'] }]

/** What a provider lacks, each in a few words. Looks at files of the repository below `root`. */
async function lacks(name: string): Promise<string[]> {
  const at = (file: string) => `adapters/${name}/${file}.ts`
  const load = async (file: string): Promise<Record<string, unknown>> =>
    existsSync(join(root, at(file))) ? import(`../../adapters/${name}/${file}.ts`) : {}
  const [tokens, refusals, console, persons] = await Promise.all(['index', 'refusals', 'console', 'people'].map(load))
  const contract = `test/adapters/${name}.test.ts`
  const guide = name === OWN ? 'docs/own-server.md' : `docs/providers/${name}.md`
  const parts: readonly [part: string, isThere: boolean][] = [
    [`${at('index')} with the adapter`, adapters.some(adapter => Object.values(tokens ?? {}).includes(adapter))],
    [`${at('refusals')} with what it refuses`, Object.values(refusals ?? {}).some(each => typeof each === 'function')],
    [
      `${at('console')}, listed in adapters/consoles.ts`,
      console?.providerConsole !== undefined && consoles[name] === console.providerConsole,
    ],
    [`steps in ${at('console')}`, name === OWN || (stepsOf(consoles[name])?.join('').length ?? 0) > 50],
    [
      `${at('people')}, listed in adapters/people.ts`,
      WITHOUT_PEOPLE.includes(name) ||
        (persons?.people !== undefined &&
          new Map<string, unknown>(Object.entries(people)).get(name) === persons.people),
    ],
    [
      `${contract} with the contract suite`,
      existsSync(join(root, contract)) &&
        /describe(TokenValidator|OverVariants)\(/.test(read(contract)) &&
        read(contract).includes(`adapters/${name}/index.ts'`),
    ],
    [guide, existsSync(join(root, guide))],
    [`config/${name}.json, listed in config/provider-files.ts`, providerFiles[name]?.adapter === name],
    ['an emulator in emulators/run.ts', name === OWN || emulatorNames.some(emulated => emulated === name)],
  ]
  return parts.filter(([, isThere]) => !isThere).map(([part]) => part)
}

function stepsOf(console: ProviderConsole | undefined): readonly string[] | undefined {
  return console?.steps({ resource: 'https://mcp.example.com/mcp', scopes: ['notes:read'] })
}

describe('a provider', () => {
  it.each(names)('%s has everything that one needs', async name => {
    expect(await lacks(name)).toEqual([])
  })

  it('that is new lacks all of it', async () => {
    expect(await lacks('newcomer')).toHaveLength(9)
  })

  it('that has a folder is in the list of adapters', () => {
    const folders = globSync('adapters/*/', { cwd: root }).map(path => path.replace(/^adapters\/|\/$/g, ''))
    expect(folders.sort()).toEqual([...names].sort())
  })

  it.each(names)('%s: doctor looks at the keys and the endpoint that its validator uses', name => {
    const sources = globSync(`adapters/${name}/*.ts`, { cwd: root }).map(read).join('\n')
    const checks = WAYS.map(options => consoles[name]?.checks(options))
    const algorithms = checks.flatMap(each => each?.algorithms ?? [])
    expect(algorithms.length > 0).toBe(sources.includes('createJwtValidator('))
    expect(signatureAlgorithms).toEqual(expect.arrayContaining(algorithms))
    expect(checks.some(each => each?.introspects)).toBe(sources.includes('createIntrospectionValidator('))
  })

  it('is named in no condition outside of its folder', () => {
    const named = new RegExp(`([!=]==?|case) '(${names.filter(name => name !== OWN).join('|')})'`)
    expect("if (adapter.name === 'azure')").toMatch(named)
    const files = globSync('{src,config,auth,app}/**/*.ts', { cwd: root })
    // For the conformance kit, introspection is a way to validate tokens and no provider.
    const code = (file: string) => read(file).replaceAll(/\b(mode|endpoint) === 'introspection'/g, '')
    expect(files.filter(file => named.test(code(file)))).toEqual([])
  })
})
