import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { freePort, listen } from '../../support/http.ts'
import { temporaryFolder } from '../../support/temporary-files.ts'
import type { Mistake } from '../mistake.ts'
import { npmStartForReal } from '../runs.ts'

const bin = new URL('../../../app/bin/', import.meta.url)

/** Files by name, and what Node says that runs the last of them. */
async function node(files: Readonly<Record<string, string | URL>>, ...flags: string[]): Promise<string> {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    if (content instanceof URL) copyFileSync(content, join(folder, name))
    else writeFileSync(join(folder, name), content)
  }
  const script = Object.keys(files).at(-1) as string
  const child = spawn(process.execPath, [...flags, script], { cwd: folder, env: { PATH: process.env.PATH } })
  const said = await Promise.all([text(child.stdout), text(child.stderr)])
  return said.join('')
}

const OLD_NODE = `Object.defineProperty(process, 'version', { value: 'v20.20.2' })
Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`
const CLONE = { 'package.json': '{"name":"idplug"}', 'app/main.ts': '', 'app/bin/package.json': '{}' }

/** Before anything of the project runs. */
export const installations: readonly Mistake[] = [
  {
    mistake: 'Node is too old',
    run: 'npx idplug',
    cause: 'idplug needs Node.js 22.19 or newer, and this is v20.20.2.',
    fix: 'https://nodejs.org',
    see: () =>
      node(
        { 'old.cjs': OLD_NODE, 'bin/package.json': '{}', 'bin/idplug.cjs': new URL('idplug.cjs', bin) },
        '--require',
        './old.cjs',
      ),
  },
  {
    mistake: '`npm start` in a clone without `npm ci`',
    run: 'npm start',
    cause: 'The packages of this clone are not installed',
    fix: 'npm ci',
    see: () => node({ ...CLONE, 'app/bin/idplug.cjs': new URL('idplug.cjs', bin) }),
  },
  {
    mistake: 'The same with a Node that is too old for everything else',
    run: 'npm start',
    cause: 'idplug needs Node.js 22.19 or newer, and this is v20.20.2.',
    fix: 'In a clone, npm ci installs one',
    see: () =>
      node(
        { ...CLONE, 'old.cjs': OLD_NODE, 'app/bin/idplug.cjs': new URL('idplug.cjs', bin) },
        '--require',
        './old.cjs',
      ),
  },
  {
    mistake: 'Only `idplug` is installed, and the commands are in `@idplug/server`',
    run: 'idplug doctor',
    cause: 'The commands of idplug are a package of their own',
    fix: 'npm install @idplug/server',
    see: () =>
      node({
        'node_modules/idplug/package.json': '{"version":"0.1.0"}',
        'node_modules/idplug/bin/idplug.cjs': new URL('idplug.cjs', bin),
      }),
  },
  {
    mistake: 'A package of CommonJS, as `npm init -y` makes it, with the server of the README',
    run: 'node server.ts',
    cause: 'Cannot use import statement outside a module',
    fix: '"type": "module"',
    see: () => node({ 'package.json': '{"type":"commonjs"}', 'server.ts': "import { createAuth } from 'idplug'\n" }),
  },
  {
    mistake: 'The port is taken',
    run: 'npm start',
    cause: 'PORT: port … is taken by another program',
    fix: 'stop that one, or choose another port (PORT=…)',
    async see() {
      const taken = await listen(() => {})
      onTestFinished(taken.close)
      return npmStartForReal({ PORT: String(taken.port), HOST: '127.0.0.1' })
    },
  },
  {
    mistake: 'The port of the authorization server is taken',
    run: 'npm start',
    cause: 'AUTH_SERVER_PORT: port … is taken by another program',
    fix: 'choose another port (AUTH_SERVER_PORT=…)',
    async see() {
      const taken = await listen(() => {})
      onTestFinished(taken.close)
      const AUTH_SERVER_PORT = String(taken.port)
      return npmStartForReal({ PORT: String(await freePort()), HOST: '127.0.0.1', AUTH_SERVER_PORT })
    },
  },
  {
    mistake: 'Redis does not run',
    run: 'npm start',
    cause: 'REDIS_URL: names a Redis that does not work (Redis: ECONNREFUSED)',
    fix: 'If it does not run, start it; if the URL is wrong, correct it',
    see: async () =>
      npmStartForReal({
        PORT: String(await freePort()),
        AUTH_SERVER_PORT: String(await freePort()),
        REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      }),
  },
]
