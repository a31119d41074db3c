import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadModule, readJsonFile, readTextFile, stateOfFile } from '../../config/files.ts'
import { loadConfiguration } from '../../config/load.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

/** A folder with files in it. */
function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const ESM = '{"type":"module"}'
const COMMONJS = '{"type":"commonjs"}'

describe('a module that a file names', () => {
  /** Loads a module as the file `own.json` of a folder names it. */
  const load = (name: string, files: Record<string, string>) => loadModule(name, join(folderWith(files), 'own.json'))

  it.each<[string, string, Record<string, string>]>([
    ['by its path, from beside that file', './a.mjs', { 'a.mjs': 'export const adapter = 7' }],
    [
      'by a path further off',
      './b/c.mjs',
      { 'b/c.mjs': "export { adapter } from '../a.mjs'", 'a.mjs': 'export const adapter = 7' },
    ],
    ['in TypeScript', './a.ts', { 'package.json': ESM, 'a.ts': 'export const adapter: number = 7' }],
    ['in TypeScript without a package.json', './a.ts', { 'a.ts': 'export const adapter: number = 7' }],
    [
      'in TypeScript that says that it is a module',
      './a.mts',
      { 'package.json': COMMONJS, 'a.mts': 'export const adapter: number = 7' },
    ],
    ['as CommonJS', './a.cjs', { 'a.cjs': 'exports.adapter = 7' }],
    [
      'as an installed package',
      'acme-adapter',
      {
        'node_modules/acme-adapter/package.json': '{"type":"module","exports":"./main.js"}',
        'node_modules/acme-adapter/main.js': 'export const adapter = 7',
      },
    ],
    [
      'as an installed package with a scope and a path',
      '@acme/idplug/adapter',
      {
        'node_modules/@acme/idplug/package.json': '{"type":"module","exports":{"./adapter":"./a.js"}}',
        'node_modules/@acme/idplug/a.js': 'export const adapter = 7',
      },
    ],
  ])('is loaded %s', (_how, name, files) => {
    expect(load(name, files)).toMatchObject({ module: { adapter: 7 } })
  })

  const asModule =
    'cannot be loaded as CommonJS: name the file .mts (or .mjs), or put "type": "module" into the nearest package.json'

  it.each([
    ['a.ts', "import { join } from 'node:path'\nexport const adapter: string = join('a')"],
    ['a.ts', 'export const adapter: number = 7'],
    ['a.js', 'export const adapter = 7'],
    ['a.js', 'console.log(import.meta.url)'],
  ])('in the folder of a CommonJS package, as npm init makes it, is told the cure: %s with %j', (name, code) => {
    expect(load(`./${name}`, { 'package.json': COMMONJS, [name]: code })).toEqual({ problem: asModule })
  })

  it.each<[string, string, string]>([
    [
      'waits at its top level',
      'await 1\nexport const adapter = 7',
      'cannot be loaded: it uses await at its top level; move that into a function',
    ],
    ['throws', "throw new Error('out of order')", 'cannot be loaded: out of order'],
    ['throws no error', "throw 'out of order'", 'cannot be loaded: out of order'],
    ['throws nothing', 'throw undefined', 'cannot be loaded: undefined'],
    [
      'imports a name that another does not export',
      "import { none } from './b.mjs'",
      "cannot be loaded: The requested module './b.mjs' does not provide an export named 'none'",
    ],
  ])('that %s is reported', (_what, code, problem) => {
    expect(load('./a.mjs', { 'a.mjs': code, 'b.mjs': 'export const some = 1' })).toEqual({ problem })
  })

  it.each([
    './a.mjs',
    '../../a.ts',
    'not-installed',
    '@not/installed',
    'https://evil.example/a.mjs',
    'data:text/javascript,1',
  ])('that is not there is said to be missing: %s', name => {
    expect(load(name, {})).toEqual({ problem: 'does not exist' })
  })

  it.each([
    ['./a.mjs', "import './gone.mjs'", 'gone.mjs'],
    ['./a.mjs', "import 'gone-package'", 'gone-package'],
    ['./a.cjs', "require('gone-package')", 'gone-package'],
  ])('%s is there, and what it imports is not: that is what is reported', (name, code, missing) => {
    const loaded = load(name, { [name]: code })
    expect(loaded).toEqual({ problem: expect.stringMatching(/^cannot be loaded: Cannot find /) })
    expect(loaded).toEqual({ problem: expect.stringContaining(missing) })
    expect(loaded).toEqual({ problem: expect.not.stringContaining('\n') })
  })
})

describe('a JSON file', () => {
  const read = (text: string) => readJsonFile(join(folderWith({ 'a.json': text }), 'a.json'))

  it('reads a JSON file, with a byte order mark too', () => {
    expect(read('{"a":1}')).toEqual({ value: { a: 1 } })
    expect(read('\uFEFF[]')).toEqual({ value: [] })
    expect(read('null')).toEqual({ value: null })
  })

  it('reports a file that cannot be read by the system’s error code', () => {
    expect(readJsonFile('/nowhere/a.json')).toEqual({
      problem: 'cannot be read (ENOENT): there is no /nowhere/a.json',
    })
    expect(readJsonFile(folderWith({}))).toEqual({ problem: 'cannot be read (EISDIR)' })
  })

  it.each([
    ['', 'line 1, column 1'],
    ['{', 'line 1, column 2'],
    ['{\n  "secret": hunter2\n}', 'line 2, column 13'],
    ['{"secret": "hunter2"', 'line 1, column 21'],
    ['{"secret": "hunter2', 'line 1, column 20'],
    ['{"secret": "hunter2",}', 'line 1, column 22'],
    ["{'secret': 'hunter2'}", 'line 1, column 2'],
    ['{"secret": "hunter2"\n"b": 1}', 'line 2, column 1'],
    ['{\r\n"secret": "hunter2" // a comment\r\n}', 'line 2, column 21'],
    ['{"secret": "hunter2"} hunter2', 'line 1, column 23'],
    ['{"secret": "hunter2\\x"}', 'line 1, column 21'],
    ['hunter2', 'line 1, column 1'],
    [`{"a": [${'1,'.repeat(10_000)}hunter2]}`, 'line 1, column 20008'],
  ])('that is not JSON is reported by the place alone: %#', (text, place) => {
    expect(read(text)).toEqual({ problem: `is not JSON (${place})` })
  })
})

describe('a member that stands twice in one object', () => {
  const HASH = 'a'.repeat(64)
  const files = {
    'clients.json': `{"clients": [{"client_id": "a",\n"scopes": ["w"], "scopes": ["r"]}]}`,
    'keys.json': `{"keys": [{"id": "a", "sha256": "${HASH}", "owner": "o",\n"scopes": [], "scopes": ["r"]}]}`,
    'provider.json': `{"adapter": "oidc",\n"scopes": 1, "scopes": 2}`,
    'branding.json': `{"name": "A",\n"scopes": 1, "scopes": 2}`,
    'bridge.json': `{"allow": ["everyone"],\n"scopes": ["a"], "scopes": ["b"]}`,
  }

  it.each([
    ['AUTH_CLIENTS_FILE', 'clients.json', {}],
    ['AUTH_API_KEYS_FILE', 'keys.json', {}],
    ['AUTH_CONFIG', 'provider.json', {}],
    ['AUTH_BRANDING', 'branding.json', {}],
    [
      'BRIDGE_CONFIG',
      'bridge.json',
      {
        AUTH_BRIDGE: 'on',
        AUTH_METADATA_URL: 'https://id.example.com/.well-known/openid-configuration',
        BRIDGE_CLIENT_ID: 'b',
        BRIDGE_CLIENT_SECRET: 'secret-of-the-bridge',
      },
    ],
  ])('stops the start: one of the two would be lost (%s)', (setting, name, env) => {
    const path = join(folderWith(files), name)
    expect(() => loadConfiguration({ ...env, [setting]: path })).toThrow(/has scopes twice in one object \(line 2\)/)
  })
})

describe('a file', () => {
  it('gives a file a state that changes with it, and none while it does not exist', () => {
    const folder = folderWith({ a: '1' })
    const path = join(folder, 'a')
    const before = stateOfFile(path)
    expect(stateOfFile(path)).toBe(before)
    writeFileSync(path, '12')
    expect(stateOfFile(path)).not.toBe(before)
    rmSync(path)
    expect(stateOfFile(path)).toBe('')
    // Whoever looks at a file every now and then must not end because of it.
    symlinkSync('a', path)
    expect(stateOfFile(path)).toBe('ELOOP')
  })

  it('reads a file as text', () => {
    expect(readTextFile(join(folderWith({ a: 'ä' }), 'a'))).toBe('ä')
  })
})

describe('a text file of Windows PowerShell', () => {
  it.each(['utf16le', 'utf16be'])('is read in its encoding: %s', encoding => {
    const path = join(folderWith({}), 'clients.json')
    const bytes = Buffer.from('\uFEFF{"name":"Zoë"}', 'utf16le')
    writeFileSync(path, encoding === 'utf16be' ? bytes.swap16() : bytes)
    expect(readTextFile(path)).toBe('{"name":"Zoë"}')
    expect(readJsonFile(path)).toEqual({ value: { name: 'Zoë' } })
  })

  it('is read without its byte order mark in UTF-8', () => {
    expect(readTextFile(join(folderWith({ secret: '\uFEFFhunter2' }), 'secret'))).toBe('hunter2')
  })
})
