import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { importsOf, rules, wrongArrows } from './arrows.ts'

const root = new URL('../../', import.meta.url)
const folders = ['src', 'adapters', 'config', 'auth', 'demo-as', 'app', 'emulators', 'docs/examples']

function repositorySources(): Map<string, string> {
  // What is installed and built below the examples is not ours.
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z', '--', 'index.ts', ...folders], {
    cwd: root,
    encoding: 'utf8',
  })
  const sources = files.split('\0').filter(path => path.endsWith('.ts') && existsSync(new URL(path, root)))
  return new Map(sources.map(path => [path, readFileSync(new URL(path, root), 'utf8')]))
}

describe('layering', () => {
  it('holds in every file of the repository', () => {
    const sources = repositorySources()
    expect(sources.size).toBeGreaterThan(10)
    expect(wrongArrows(sources)).toEqual([])
  })

  const planted: [file: string, source: string, rule: string][] = [
    ['src/errors.ts', "import { x } from './context.ts'", 'src/errors.ts import nothing of ours but one'],
    [
      'src/bearer/authenticator.ts',
      "import { demo } from '../../adapters/demo/index.ts'",
      'src imports nothing of ours but',
    ],
    [
      'src/edges/fetch.ts',
      "export { createProviders } from '../../auth/providers.ts'",
      'src imports nothing of ours but',
    ],
    ['src/edges/node.ts', "const as = await import('../../demo-as/server.ts')", 'src imports nothing of ours but'],
    ['src/engines/jwt.ts', "import type { Gate } from '../bearer/authenticator.ts'", 'know nothing of HTTP edges'],
    ['adapters/auth0/index.ts', "import { settings } from '../../config/settings.ts'", 'adapters import from src only'],
    ['config/load.ts', "import '../demo-as/server.ts'", 'config imports adapters and src only'],
    ['auth/providers.ts', "import { start } from '../app/serve/start.ts'", 'auth imports config, adapters and src'],
    ['auth/providers.ts', "import { createAuth } from 'idplug'", 'auth imports config, adapters and src'],
    ['auth/bridge.ts', "await import('#authorization-server')", 'auth imports config, adapters and src'],
    ['auth/own-server.ts', "await import('../demo-as/index.ts')", 'auth imports config, adapters and src'],
    ['adapters/auth0/index.ts', "import { providerConsole } from './console.ts'", 'servers do not load what consoles'],
    ['auth/create-auth.ts', "import { consoles } from '../adapters/consoles.ts'", 'servers do not load what consoles'],
    ['adapters/auth0/index.ts', "import { loadConfiguration } from 'idplug/internal'", 'adapters import from src only'],
    ['demo-as/server.ts', "import { protect } from 'idplug/node'", 'demo-as and emulators share no code'],
    ['app/notes/tools.ts', "import { clip } from '../../src/errors.ts'", 'app imports the library by the names'],
    ['app/main.ts', "await import('../config/load.ts')", 'app imports the library by the names'],
    ['app/observe/log.ts', "import { listen } from 'idplug/internal'", 'nothing that promises nothing'],
    ['docs/examples/server.ts', "import { listen } from 'idplug/internal'", 'nothing that promises nothing'],
    ['app/notes/notes.ts', "import { createStore } from '../../demo-as/store.ts'", 'nothing that promises nothing'],
    ['app/notes/tools.ts', "import { version } from '../version.ts'", 'nothing but itself and what its author could'],
    ['demo-as/token.ts', "import { clip } from '../src/errors.ts'", 'demo-as and emulators share no code'],
    ['index.ts', "export { signJwt } from './src/testing/sign-jwt.ts'", 'nothing that ships imports what is for'],
    ['emulators/auth0.ts', "import { expect } from 'vitest'", 'a room imports its own packages only'],
    ['src/opentelemetry.ts', "import express from 'express'", 'a room imports its own packages only'],
    ['src/edges/hono.ts', "import type { FastifyRequest } from 'fastify'", 'a room imports its own packages only'],
    ['src/engines/jwt.ts', "import pino from 'pino'", 'a room imports its own packages only'],
    ['config/load.ts', "import { decodeJwt } from 'jose'", 'a room imports its own packages only'],
    ['auth/access.ts', "import { z } from 'zod'", 'a room imports its own packages only'],
    [
      'src/bearer/credentials.ts',
      "import { McpServer } from '@modelcontextprotocol/server'",
      'a room imports its own packages only',
    ],
    ['src/edges/fetch.ts', "import express from 'express'", 'a room imports its own packages only'],
    ['index.ts', "import { run } from './bench/http.ts'", 'nothing that ships imports tests or'],
  ]
  it.each(planted)('is broken by %s with %s', (file, source, rule) => {
    expect(wrongArrows(new Map([[file, source]])).map(arrow => arrow.rule)).toEqual([expect.stringContaining(rule)])
  })

  it('has every rule planted against at least once', () => {
    for (const { rule } of rules) {
      expect(
        planted.some(([, , part]) => rule.includes(part)),
        rule,
      ).toBe(true)
    }
  })

  it('is broken by an import over several lines, a type import and a re-export', () => {
    const source =
      "import {\n  a,\n  b,\n} from '../adapters/a.ts'\nimport type { C } from \"../config/c.ts\"\nexport * from '../demo-as/d.ts'\n"
    expect(importsOf(source)).toEqual(['../adapters/a.ts', '../config/c.ts', '../demo-as/d.ts'])
  })

  it('lets the notes server import by the names that users have, and auth load the server by its port', () => {
    const sources = new Map([
      ['app/notes/caller.ts', "import type { Identity } from 'idplug'\nimport { authRoutes } from 'idplug/express'"],
      ['app/serve/http.ts', "import { landingPage } from './landing.ts'\nimport { protect } from 'idplug/node'"],
      ['auth/own-server.ts', "type Server = typeof import('#authorization-server')"],
    ])
    expect(wrongArrows(sources)).toEqual([])
  })

  it('lets an entry for a package import that package', () => {
    const sources = new Map([
      ['src/edges/express.ts', "import type { RequestHandler } from 'express'"],
      ['src/opentelemetry.ts', "import { trace } from '@opentelemetry/api'"],
      ['src/testing/contract.ts', "import { expect } from 'vitest'"],
    ])
    expect(wrongArrows(sources)).toEqual([])
  })

  it('lets commands use what promises nothing, and what ships with them', () => {
    const source =
      "import { loadConfiguration } from 'idplug/internal'\nimport { runEmulator } from '../../emulators/run.ts'\nimport pino from 'pino'"
    expect(wrongArrows(new Map([['app/commands/emulate.ts', source]]))).toEqual([])
  })
})
