import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { freePort } from '../support/http.ts'
import { startProgram, untilServing } from '../support/program.ts'
import { root } from './built.ts'
import { run, succeed } from './npm.ts'
import { type Project, projectsWithRegistry } from './project.ts'

// npm installs real trees.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const { version } = manifest
const HOW_TO_GET = `The commands of idplug are a package of their own: npm install @idplug/server@${version}`
const createProject = projectsWithRegistry()

/** Sizes of all files, in bytes, as npm unpacked them. */
function sizeOf(folder: string): number {
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter(entry => entry.isFile())
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0)
}

describe('where only the library is installed', () => {
  let project: Project
  beforeAll(async () => {
    project = createProject()
    await project.npm('install', 'idplug')
  })
  const command = (...args: string[]) => project.node('node_modules/idplug/bin/idplug.cjs', ...args)

  it('has 10 packages and 14 MB at most', () => {
    const lock = JSON.parse(readFileSync(join(project.folder, 'package-lock.json'), 'utf8'))
    const names = Object.keys(lock.packages).filter(Boolean)
    expect(names).toContain('node_modules/idplug')
    expect(names.length).toBeLessThanOrEqual(10)
    expect(sizeOf(join(project.folder, 'node_modules'))).toBeLessThanOrEqual(14_000_000)
  })

  it('gives a server sign-in with a real provider', async () => {
    project.write({
      'use.js': `import { createAuth, InvalidTokenError } from 'idplug'
        import { protect } from 'idplug/fetch'
        const declaration = { name: 'Files', resource: 'https://mcp.example.com/mcp', scopes: {} }
        const env = { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' }
        const auth = createAuth(declaration, { env })
        const response = await protect(auth, () => new Response())(new Request(declaration.resource, { method: 'POST' }))
        console.log(response.status, typeof InvalidTokenError)
        await auth.close()`,
    })
    expect((await project.node('use.js')).stdout).toBe('401 function')
  })

  it('says in one sentence what the demo sign-in needs', async () => {
    project.write({
      'demo.js': `import { createAuth } from 'idplug'
        try {
          createAuth({ name: 'Files', resource: 'http://localhost:3000/mcp', scopes: {} }, { env: {} })
        } catch (error) {
          console.log(error.name, JSON.stringify(error.problems))
        }`,
    })
    const { stdout } = await project.node('demo.js')
    const [name, problems] = stdout.split(/ (.*)/s)
    expect(name).toBe('ConfigError')
    expect(JSON.parse(problems ?? '')).toEqual([
      expect.objectContaining({ problem: expect.stringMatching(/: npm install @idplug\/server$/) }),
    ])
  })

  it('says how to get the commands, and its version', async () => {
    expect(await command('doctor')).toEqual({ code: 1, stdout: '', stderr: HOW_TO_GET })
    expect(await command('--version')).toEqual({ code: 0, stdout: version, stderr: '' })
  })

  it('fetches the commands of its own version under npx', async () => {
    const { stdout } = await run('npx', ['--yes', 'idplug', 'doctor', '--help'], project.folder, project.env)
    expect(stdout).toContain('Usage: idplug doctor')
    expect(existsSync(join(project.folder, 'node_modules/@idplug'))).toBe(false)
  })

  it('has declarations without errors, also where no optional peer is installed', async () => {
    await project.npm('install', '--save-dev', '@types/node')
    const entries = ['', '/core', '/express', '/node', '/fetch', '/adapters', '/testing']
    project.write({
      'use.ts': `${entries.map((entry, index) => `export * as entry${index} from 'idplug${entry}'`).join('\n')}
        import { createJwtValidator } from 'idplug'
        const context = { resource: 'https://mcp.example.com/mcp' }
        createJwtValidator({ issuer: 'https://issuer.example', audience: { audience: [context.resource] }, types: null }, context)
        // @ts-expect-error An audience rule is required.
        createJwtValidator({ issuer: 'https://issuer.example', types: ['at+jwt'] }, context)
        // @ts-expect-error And it cannot be empty.
        createJwtValidator({ issuer: 'https://issuer.example', audience: { audience: [] }, types: null }, context)`,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          skipLibCheck: false,
          module: 'nodenext',
          target: 'es2022',
          noEmit: true,
          types: ['node'],
        },
        files: ['use.ts'],
      }),
    })
    const { stdout, code } = await project.node(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
    expect(stdout).toBe('')
    expect(code).toBe(0)
  })
})

describe('an adapter of somebody else', () => {
  const example = (file: string) => readFileSync(join(root, 'docs/examples/adapter', file), 'utf8')
  const source = example('acme.ts')
  const server = `import { createAuth } from 'idplug'
    import { protect } from 'idplug/fetch'
    const resource = 'https://mcp.example.com/mcp'
    const env = { AUTH_CONFIG: 'acme.json', ACME_WORKSPACE: 'w-7' }
    try {
      const auth = createAuth({ name: 'Files', resource, scopes: {} }, { env })
      const token = Buffer.from('{"alg":"ES256","typ":"JWT"}').toString('base64url') + '.e30.c2ln'
      // Refused by its header, so nobody is asked. An error of another copy of the library would end in 500.
      const request = new Request(resource, { method: 'POST', headers: { authorization: 'Bearer ' + token } })
      console.log((await protect(auth, () => new Response())(request)).status)
    } catch (error) {
      console.log(error.message)
    }`

  it('is a package that is installed beside the library', async () => {
    const acme = createProject({
      'package.json': JSON.stringify({
        name: '@acme/idplug-adapter',
        version: '1.0.0',
        type: 'module',
        exports: './acme.js',
        peerDependencies: { idplug: version },
      }),
      'acme.js': stripTypeScriptTypes(source),
    })
    await acme.npm('pack')
    const project = createProject({
      'server.js': server,
      'acme.json': example('acme.json').replace('./acme.ts', '@acme/idplug-adapter'),
    })
    await project.npm('install', 'idplug', join(acme.folder, 'acme-idplug-adapter-1.0.0.tgz'))
    expect((await project.node('server.js')).stdout).toBe('401')
  })

  it('is a file, and in a CommonJS folder the message says how to name it', async () => {
    const project = createProject({ 'server.mjs': server, 'acme.json': example('acme.json'), 'acme.ts': source })
    await project.npm('install', 'idplug')
    expect((await project.node('server.mjs')).stdout).toBe('401')

    project.write({ 'package.json': '{ "name": "a-server", "private": true, "type": "commonjs" }' })
    expect((await project.node('server.mjs')).stdout).toContain(
      'name the file .mts (or .mjs), or put "type": "module" into the nearest package.json',
    )
    project.write({ 'acme.mts': source, 'acme.json': example('acme.json').replace('./acme.ts', './acme.mts') })
    expect((await project.node('server.mjs')).stdout).toBe('401')
    project.write({ 'acme.mts': `${source}\nawait 0\n` })
    expect((await project.node('server.mjs')).stdout).toContain(
      'it uses await at its top level; move that into a function',
    )
  })
})

describe('where both packages are installed', () => {
  let project: Project
  beforeAll(async () => {
    project = createProject()
    await project.npm('install', 'idplug')
    await project.npm('install', '@idplug/server')
  })

  it('has one copy of the library', () => {
    expect(globSync('node_modules/**/idplug/package.json', { cwd: project.folder })).toEqual([
      join('node_modules', 'idplug', 'package.json'),
    ])
  })

  it('runs the commands by npx', async () => {
    const npx = (...args: string[]) => run('npx', ['idplug', ...args], project.folder, project.env)
    expect(await npx('--version')).toMatchObject({ code: 0, stdout: version })
    const { stdout } = await npx('--help')
    for (const name of ['login', 'init', 'doctor', 'explain', 'migrate', 'emulate'])
      expect(stdout).toContain(`  ${name} `)
  })

  it('gives a server the demo sign-in', async () => {
    project.write({
      'demo.js': `import { createAuth } from 'idplug'
        const auth = createAuth({ name: 'Files', resource: 'http://localhost:3000/mcp', scopes: {} }, { env: {} })
        await auth.ready()
        console.log(JSON.stringify(await auth.metadata()))
        await auth.close()`,
    })
    const { stdout, stderr } = await project.node('demo.js')
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ authorization_servers: ['http://localhost:3000'] })
  })

  it('starts the example server by the command alone', async () => {
    const port = await freePort()
    const env = {
      ...project.env,
      PORT: String(port),
      AUTH_SERVER_PORT: String(await freePort()),
      DRAIN_SECONDS: '0',
    }
    const program = startProgram([], { script: 'node_modules/idplug/bin/idplug.cjs', cwd: project.folder, env })
    await untilServing(program, `http://localhost:${port}/ready`, { isReady: ({ ok }) => ok })
    // It listens a moment before it listens to signals.
    await vi.waitUntil(() => program.output().includes('"event":"started"'))
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })

  it('has declarations of emulators and observers without errors', async () => {
    await project.npm('install', '--save-dev', '@types/node')
    project.write({
      'use.ts':
        "export * as emulators from '@idplug/server/emulators'\nexport * as observers from '@idplug/server/observe'",
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          module: 'nodenext',
          target: 'es2022',
          noEmit: true,
          skipLibCheck: false,
          types: ['node'],
        },
        files: ['use.ts'],
      }),
    })
    const { stdout } = await project.node(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
    expect(stdout).toBe('')
  })
})

/** The second one every night. */
const orders = [
  ['idplug', '@idplug/server'],
  ['@idplug/server', 'idplug'],
]
describe.each(process.env.ALL_VARIANTS ? orders : orders.slice(0, 1))(
  'installed for all projects, first %s and then %s',
  (first, second) => {
    it('has the command', async () => {
      const project = createProject()
      await project.npm('install', '--global', first)
      await project.npm('install', '--global', second)
      const command = join(project.env.npm_config_prefix as string, 'bin/idplug')
      expect(await succeed(command, ['doctor', '--help'], project.folder, project.env)).toContain(
        'Usage: idplug doctor',
      )
    })
  },
)

describe('on a Node.js that is too old', () => {
  it('says so, with what to do, and loads nothing', async () => {
    const project = createProject({
      'old.cjs': `Object.defineProperty(process, 'version', { value: 'v18.20.4' })
        Object.defineProperty(process.versions, 'node', { value: '18.20.4' })
        const { Module } = require('node:module')
        const load = Module._load
        Module._load = function (request) {
          if (!request.endsWith('idplug.cjs')) console.log('loads', request)
          return load.apply(this, arguments)
        }`,
    })
    const { code, stdout, stderr } = await project.node(
      '--require',
      './old.cjs',
      join(root, 'app/bin/idplug.cjs'),
      'doctor',
    )
    expect(stderr).toBe(
      'idplug needs Node.js 22.19 or newer, and this is v18.20.4.\nGet it at https://nodejs.org. In a clone, npm ci installs one: npm start and npx idplug use that.',
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(manifest.engines.node).toBe('>=22.19')
  })

  it('is understood by it: no syntax that came after Node.js 12', () => {
    const code = readFileSync(join(root, 'app/bin/idplug.cjs'), 'utf8')
    expect(code).not.toMatch(/\?\.|\?\?|=>|`|\b(?:const|let|class|async|await)\b|^import |^export /m)
  })
})
