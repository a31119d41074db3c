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

const FOLDERS = ['src', 'adapters', 'config', 'auth', 'demo-as', 'app', 'emulators']
/** The only places outside `app/` that may know a web framework. */
const EXPRESS_EDGES = new Set(['src/edges/express.ts'])

const isOurs = (imported: string) => imported === 'index.ts' || isWithin(...FOLDERS, 'test', 'bench')(imported)
const isProduct = (file: string) => file === 'index.ts' || isWithin(...FOLDERS)(file)
const isIn = (folder: string) => (file: string) => file.startsWith(`${folder}/`)

function isWithin(...folders: readonly string[]): (file: string) => boolean {
  return file => folders.some(folder => isIn(folder)(file))
}

export const rules: readonly Rule[] = [
  {
    rule: 'src/token-validator.ts and src/errors.ts import nothing of ours',
    of: file => file === 'src/token-validator.ts' || file === 'src/errors.ts',
    forbids: isOurs,
  },
  {
    rule: 'src imports nothing of ours but src',
    of: isIn('src'),
    forbids: imported => isOurs(imported) && !isIn('src')(imported),
  },
  {
    rule: 'engines, validators, claims and scopes know nothing of HTTP edges and MCP',
    of: isWithin('src/engines', 'src/validators', 'src/claims', 'src/scopes'),
    forbids: isWithin('src/bearer', 'src/edges', 'src/metadata', 'src/mcp'),
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
    rule: 'the notes server imports what the server of a user can import, by the same names',
    of: file => isWithin('app/notes', 'app/observe')(file) || file === 'app/serve/http.ts',
    forbids: (imported, _file, specifier) =>
      imported === 'auth/internal.ts' || (isOurs(imported) && !isIn('app')(imported) && !ownNames.has(specifier)),
  },
  {
    rule: 'demo-as and emulators share no code with anything else of ours',
    of: isWithin('demo-as', 'emulators'),
    forbids: (imported, file) => isOurs(imported) && imported.split('/')[0] !== file.split('/')[0],
  },
  {
    rule: 'only src/testing imports a test runner, and nothing else of ours imports that',
    of: file => isProduct(file) && !isIn('src/testing')(file),
    forbids: imported => imported === 'vitest' || isIn('src/testing')(imported),
  },
  {
    rule: 'only app, src/edges and src/mcp import an MCP SDK',
    of: file => isProduct(file) && !isWithin('app', 'src/edges', 'src/mcp')(file),
    forbids: imported => imported.startsWith('@modelcontextprotocol/'),
  },
  {
    rule: 'only app and the Express edge import Express',
    of: file => isProduct(file) && !isIn('app')(file) && !EXPRESS_EDGES.has(file),
    forbids: imported => imported === 'express' || imported.startsWith('express/'),
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
  const statements = /(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"]+)\1/g
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
