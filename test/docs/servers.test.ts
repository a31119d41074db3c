import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { examples, folderOf } from '../servers/examples.ts'
import { statementsAdded, statementsOf } from './statements.ts'

const PROVIDERS = /auth0|okta|azure|entra|microsoft|google|github|oidc|openid|introspection|\bdemo\b/i
const read = (name: string, file: string) => readFileSync(join(folderOf(name), file), 'utf8')

it('runs every folder of docs/examples/servers', () => {
  const folders = readdirSync(folderOf('.'), { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(folderOf(entry.name), 'package.json')))
    .map(({ name }) => name)
  expect(examples.map(({ name }) => name).toSorted()).toEqual(folders.toSorted())
  expect(folders.length).toBeGreaterThanOrEqual(10)
})

describe.each(examples)('docs/examples/servers/$name', ({ name, isWorker, sources = [['plain.ts', 'server.ts']] }) => {
  it('gets sign-in by at most six statements', () => {
    const added = sources.flatMap(([plain, server]) =>
      statementsAdded(plain ? read(name, plain) : '', read(name, server)),
    )
    expect(added.length, added.join('\n')).toBeGreaterThan(0)
    expect(added.length, added.join('\n')).toBeLessThanOrEqual(6)
  })

  it('names no provider', () => {
    const sourceFiles = readdirSync(folderOf(name)).filter(file => file.endsWith('.ts'))
    for (const file of [...sourceFiles, 'package.json']) expect(read(name, file)).not.toMatch(PROVIDERS)
  })

  it('says about itself what the others say', () => {
    expect(read(name, 'files.ts')).toBe(read('express', 'files.ts'))
  })

  it('takes the library from the packages that the set-up makes, whatever their digest is', () => {
    const { packages } = JSON.parse(read(name, 'package-lock.json'))
    // A Worker has no use for our authorization server.
    for (const ours of isWorker ? ['idplug'] : ['idplug', '@idplug/server']) {
      const file = `../packages/${ours.replace('@', '').replace('/', '-')}.tgz`
      expect(packages[''].dependencies[ours]).toBe(`file:${file}`)
      const installed = packages[`node_modules/${ours}`]
      expect(installed).toMatchObject({ resolved: `file:${file}` })
      expect(installed).not.toHaveProperty('integrity')
    }
    const from = Object.values<{ resolved?: string }>(packages).flatMap(({ resolved = [] }) => resolved)
    expect(from.every(url => url.startsWith('file:'))).toBe(true)
  })
})

describe('what counts as a statement', () => {
  const before = `import a from 'a'
    const app = a()
    app.all('/mcp', async request => {
      const answer = await app.answer(request)
      return answer
    })
    class Gate { check() { return true } }`

  it.each([
    ['nothing where only imports, types and line breaks are added', `import b from 'b'\ntype T = 1\n${before}\n\n`, 0],
    ['one that is added', `${before}\napp.listen()`, 1],
    ['one whose own words change, once, and not what is inside it', before.replace("'/mcp',", "'/mcp', gate,"), 1],
    ['one inside another', before.replace('return answer', 'app.close()\nreturn answer'), 1],
    ['a wrapper, and not what it wraps', before.replace(/app\.all[\s\S]*?\}\)/, 'register(() => { $& })'), 1],
    ['a member of a class, and what is in it', before.replace('check()', 'ask() { return 1 }\ncheck()'), 2],
    ['one that is there twice now', `${before}\nconst app = a()`, 1],
  ])('%s', (_what, after, count) => {
    expect(statementsAdded(before, after)).toHaveLength(count)
  })

  it('a source that cannot be parsed is an error', () => {
    expect(() => statementsOf('const = 1')).toThrow('cannot be parsed')
  })
})
