import { readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** One import that stands where it may not. */
export interface WrongArrow {
  file: string
  imports: string
  rule: string
}

interface Rule {
  rule: string
  /** Files that the rule speaks of. */
  of: (file: string) => boolean
  /**
   * Imports that those files may not have: a path of the repository, or the name of a package.
   *
   * @param specifier - As the import has it.
   */
  forbids: (imported: string, file: string, specifier: string) => boolean
}

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  name: string
  exports: Record<string, string>
  imports: Record<string, string>
}
/** Files behind the names under which this package imports itself. */
const ownNames = new Map([
  ...Object.entries(manifest.exports).map(([name, file]) => [posix.join(manifest.name, name), file.slice(2)] as const),
  ...Object.entries(manifest.imports).map(([name, file]) => [name, file.slice(2)] as const),
])
/** The authorization server is loaded where settings ask for it; this file knows it by the name that the package gives it. */
const SERVER_PORT = { file: 'auth/own-server.ts', specifier: '#authorization-server' }

/** What everything depends on. */
const CONTRACT = ['src/token-validator.ts', 'src/reasons.ts', 'src/errors.ts']

const FOLDERS = ['src', 'adapters', 'config', 'auth', 'demo-as', 'app', 'emulators']
/** Example users of the library: what they use, every server can use. */
const isExample = (file: string) =>
  isWithin('app/notes', 'app/observe', 'docs/examples')(file) || file === 'app/serve/http.ts'

/** The packages of each room. The core has no framework, SDK, logger or metrics package; `app` chooses freely. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'index.ts': ['zod'],
  src: ['jose', 'lru-cache', 'openid-client', 'undici', 'zod'],
  adapters: ['zod'],
  config: ['zod'],
  auth: [],
  'demo-as': [
    'http-cache-semantics',
    'ipaddr.js',
    'jose',
    'light-my-request',
    'lru-cache',
    'oidc-provider',
    'openid-client',
    'pg',
    'redis',
    'tinyqueue',
    'undici',
  ],
  emulators: ['jose'],
}
/** Entries that stand for a package of the user's choice, which they may import. */
const PEERS: readonly [file: RegExp, packages: RegExp][] = [
  [/^src\/opentelemetry\.ts$/, /^@opentelemetry\/api$/],
  [/^src\/testing\//, /^vitest$/],
  ...['express', 'fastify', 'hono', 'next'].map(
    name => [new RegExp(`^src/edges/${name}\\.ts$`), new RegExp(`^${name}$`)] as [RegExp, RegExp],
  ),
]

const isPackage = (specifier: string) => !/^(\.|#|node:)/.test(specifier) && !ownNames.has(specifier)

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function mayImport(file: string, name: string): boolean {
  const room = file.split('/')[0] as string
  if (room === 'app' || PACKAGES[room]?.includes(name)) return true
  return PEERS.some(([files, packages]) => files.test(file) && packages.test(name))
}

const isOurs = (imported: string) => imported === 'index.ts' || isWithin(...FOLDERS, 'test', 'bench')(imported)
const isProduct = (file: string) => file === 'index.ts' || isWithin(...FOLDERS)(file)
const isIn = (folder: string) => (file: string) => file.startsWith(`${folder}/`)

function isWithin(...folders: readonly string[]): (file: string) => boolean {
  return file => folders.some(folder => isIn(folder)(file))
}

export const rules: readonly Rule[] = [
  {
    rule: 'src/token-validator.ts, src/reasons.ts and src/errors.ts import nothing of ours but one another',
    of: file => CONTRACT.includes(file),
    forbids: imported => isOurs(imported) && !CONTRACT.includes(imported),
  },
  {
    rule: 'src imports nothing of ours but src',
    of: isIn('src'),
    forbids: imported => isOurs(imported) && !isIn('src')(imported),
  },
  {
    rule: 'engines, validators, claims and scopes know nothing of HTTP edges',
    of: isWithin('src/engines', 'src/validators', 'src/claims', 'src/scopes'),
    forbids: isWithin('src/bearer', 'src/edges', 'src/metadata'),
  },
  {
    rule: 'adapters import from src only',
    of: isIn('adapters'),
    forbids: imported => isOurs(imported) && !isWithin('src', 'adapters')(imported),
  },
  {
    rule: 'config imports adapters and src only',
    of: isIn('config'),
    forbids: imported => isOurs(imported) && !isWithin('src', 'adapters', 'config')(imported),
  },
  {
    rule: 'auth imports config, adapters and src only, and the authorization server by its port',
    of: isIn('auth'),
    forbids: (imported, file, specifier) =>
      isOurs(imported) &&
      !isWithin('src', 'adapters', 'config', 'auth')(imported) &&
      !(file === SERVER_PORT.file && specifier === SERVER_PORT.specifier),
  },
  {
    rule: 'app imports the library by the names that users have, and the towers of its own package by their paths',
    of: isIn('app'),
    forbids: (imported, _file, specifier) =>
      isOurs(imported) && !isWithin('app', 'demo-as', 'emulators')(imported) && !ownNames.has(specifier),
  },
  {
    rule: 'examples and the notes server use nothing that promises nothing',
    of: isExample,
    forbids: (imported, _file, specifier) =>
      imported === 'auth/internal.ts' || isIn('demo-as')(imported) || specifier.startsWith('#'),
  },
  {
    rule: 'servers do not load what consoles of providers say: only commands do, by auth/internal.ts',
    of: file => isProduct(file) && file !== 'adapters/consoles.ts' && file !== 'auth/internal.ts',
    forbids: imported => /^adapters\/(consoles|[\w-]+\/console)\.ts$/.test(imported),
  },
  {
    rule: 'the notes server has nothing but itself and what its author could install',
    of: isIn('app/notes'),
    forbids: imported => isIn('app')(imported) && !isIn('app/notes')(imported),
  },
  {
    rule: 'demo-as and emulators share no code with anything else of ours',
    of: isWithin('demo-as', 'emulators'),
    forbids: (imported, file) => isOurs(imported) && imported.split('/')[0] !== file.split('/')[0],
  },
  {
    rule: 'nothing that ships imports what is for tests',
    of: file => isProduct(file) && !isIn('src/testing')(file),
    forbids: isIn('src/testing'),
  },
  {
    rule: 'a room imports its own packages only',
    of: isProduct,
    forbids: (_imported, file, specifier) => isPackage(specifier) && !mayImport(file, packageOf(specifier)),
  },
  {
    rule: 'nothing that ships imports tests or benchmarks',
    of: isProduct,
    forbids: isWithin('test', 'bench'),
  },
]

/** Specifiers of all static and dynamic imports and re-exports in a source text. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
  const statements = /(?:\bfrom|\bimport\s*\(?)\s*(['"])([^'"]+)\1/g
  return [...code.matchAll(statements)].map(match => match[2] as string)
}

/** @param sources - Text by path, relative to the root of the repository. */
export function wrongArrows(sources: ReadonlyMap<string, string>): WrongArrow[] {
  const found: WrongArrow[] = []
  for (const [file, source] of sources) {
    for (const specifier of importsOf(source)) {
      const imported = specifier.startsWith('.')
        ? posix.join(posix.dirname(file), specifier)
        : (ownNames.get(specifier) ?? specifier)
      for (const { rule, of, forbids } of rules) {
        if (of(file) && forbids(imported, file, specifier)) found.push({ file, imports: imported, rule })
      }
    }
  }
  return found
}
