import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { knownDeclarations, loadDeclarations } from '../../app/declarations.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

/** Files that declare one server each, by their paths in a new folder. */
function declared(...names: readonly string[]): string[] {
  const folder = temporaryFolder()
  return names.map(name => {
    const path = join(folder, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, JSON.stringify({ name, resource: `/${name}`, scopes: {} }))
    return path
  })
}

it('servers are called like the files that declare them', () => {
  const AUTH_RESOURCE = declared('files.json', 'mail.json').join(', ')
  expect(Object.keys(loadDeclarations({ AUTH_RESOURCE }))).toEqual(['files', 'mail'])
})

it('two files of one name are refused, rather than one of them passed over', () => {
  const AUTH_RESOURCE = declared('a/files.json', 'b/files.json').join()
  expect(() => loadDeclarations({ AUTH_RESOURCE })).toThrow(/AUTH_RESOURCE: names two files called files\.json/)
})

it('a rule that stands twice is refused, because the last one alone would count', () => {
  const [AUTH_RESOURCE = ''] = declared('files.json')
  writeFileSync(AUTH_RESOURCE, '{"name":"Files",\n"access":{"tools":{"write":["w"],\n"write":[]}}}')
  expect(() => loadDeclarations({ AUTH_RESOURCE })).toThrow(/files\.json has write twice in one object \(line 3\)/)
})

it.each([
  ['no rule', {}, ['notes']],
  ['a rule about notes, misspelled or not', { GITHUB_GRANT_SCOPES: 'notes:raed' }, ['notes']],
  ["rules about somebody's own server", { GITHUB_GRANT_SCOPES: 'files:read, files:write' }, undefined],
  ["a bridge for somebody's own server", { BRIDGE_GRANT_SCOPES: 'files:read' }, undefined],
])('a command knows the notes server, and no scopes where settings are about another one: %s', (_what, env, names) => {
  const known = knownDeclarations(env)
  expect(known && Object.keys(known)).toEqual(names)
})
