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
  /** Imports that those files may not have: a path of the repository, or the name of a package. */
  forbids: (imported: string, file: string) => boolean
}

const COMPOSITION_ROOTS = /^(src\/main\.ts|src\/cli\/|demo-as\/main\.ts)/
const HTTP_EDGES = new Set(['src/bearer/express.ts', 'src/http/protected-route.ts', 'src/http/resource-server.ts'])

const isOurs = (imported: string) => /^(src|adapters|config|demo-as|emulators|test|bench)\//.test(imported)
const isProduct = (file: string) => /^(src|adapters|config|demo-as|emulators)\//.test(file)
const isIn = (folder: string) => (file: string) => file.startsWith(`${folder}/`)

export const rules: readonly Rule[] = [
  {
    rule: 'src/token-validator.ts and src/errors.ts import nothing of ours',
    of: file => file === 'src/token-validator.ts' || file === 'src/errors.ts',
    forbids: isOurs,
  },
  {
    rule: 'src never imports adapters, config, demo-as or emulators; only the composition roots do',
    of: file => isIn('src')(file) && !COMPOSITION_ROOTS.test(file),
    forbids: imported => /^(adapters|config|demo-as|emulators)\//.test(imported),
  },
  {
    rule: 'src/validators knows nothing of HTTP edges and MCP',
    of: isIn('src/validators'),
    forbids: imported => /^src\/(bearer|http|mcp|metadata|observe|cli)\//.test(imported),
  },
  {
    rule: 'adapters import from src only',
    of: isIn('adapters'),
    forbids: imported => isOurs(imported) && !/^(src|adapters)\//.test(imported),
  },
  {
    rule: 'config imports adapters and src only',
    of: isIn('config'),
    forbids: imported => isOurs(imported) && !/^(src|adapters|config)\//.test(imported),
  },
  {
    rule: 'demo-as and emulators share no code with anything else of ours',
    of: file => (isIn('demo-as')(file) || isIn('emulators')(file)) && !COMPOSITION_ROOTS.test(file),
    forbids: (imported, file) => isOurs(imported) && imported.split('/')[0] !== file.split('/')[0],
  },
  {
    rule: 'only src/testing imports a test runner, and nothing else of ours imports that',
    of: file => isProduct(file) && !isIn('src/testing')(file),
    forbids: imported => imported === 'vitest' || isIn('src/testing')(imported),
  },
  {
    rule: 'only src/mcp imports an MCP SDK',
    of: file => isProduct(file) && !isIn('src/mcp')(file),
    forbids: imported => imported.startsWith('@modelcontextprotocol/'),
  },
  {
    rule: 'only the HTTP edges import Express',
    of: file => isProduct(file) && !HTTP_EDGES.has(file),
    forbids: imported => imported === 'express' || imported.startsWith('express/'),
  },
  {
    rule: 'nothing that ships imports tests or benchmarks',
    of: isProduct,
    forbids: imported => /^(test|bench)\//.test(imported),
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
      const imported = specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier
      for (const { rule, of, forbids } of rules) {
        if (of(file) && forbids(imported, file)) found.push({ file, imports: imported, rule })
      }
    }
  }
  return found
}
