import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { freePort } from './support/http.ts'

const root = new URL('..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'idplug-package-'))
const installed = join(folder, 'node_modules/idplug')

/** Installs the packed package into an empty folder, with the dependencies that it declares and no others. */
beforeAll(() => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    }).replace(/^[^[{]*/, ''),
  ) as { filename: string }[]
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, packed?.filename ?? ''), '-C', installed, '--strip-components=1'])
  const needed = [...Object.keys(manifest.dependencies), '@types/node', '@types/express']
  for (const name of needed) {
    const target = join(folder, 'node_modules', name)
    mkdirSync(join(target, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), target)
  }
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

describe('the published package', () => {
  it('holds JavaScript, declarations and no sources', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']))
    expect(files.filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([])
    expect(files.filter(file => /(^|\/)(test|bench)\//.test(file))).toEqual([])
  })

  it('is imported by name', () => {
    writeFileSync(
      join(folder, 'use.mjs'),
      `import * as idplug from 'idplug'
       const context = await idplug.createValidatorContext({ resource: 'https://mcp.example.com/mcp' })
       const validator = idplug.createJwtValidator(
         { issuer: 'https://issuer.example', audience: { audience: [context.resource] }, types: ['at+jwt'] }, context)
       const error = await validator.validate('a.b').catch(error => error)
       console.log(error instanceof idplug.InvalidTokenError, error.reason.kind)`,
    )
    expect(execFileSync(process.execPath, ['use.mjs'], { cwd: folder, encoding: 'utf8' }).trim()).toBe(
      'true token_malformed',
    )
  })

  it('type-checks in a strict project, and refuses a validator without an audience', () => {
    writeFileSync(
      join(folder, 'use.ts'),
      `import { createJwtValidator, createValidatorContext, type TokenValidator } from 'idplug'
       const context = await createValidatorContext({ resource: 'https://mcp.example.com/mcp' })
       export const good: TokenValidator = createJwtValidator(
         { issuer: 'https://issuer.example', audience: { audience: [context.resource] }, types: ['at+jwt'] }, context)
       // @ts-expect-error An audience rule is required.
       export const bad = createJwtValidator({ issuer: 'https://issuer.example', types: ['at+jwt'] }, context)
       // @ts-expect-error And it cannot be empty.
       export const empty = createJwtValidator({ issuer: 'https://issuer.example', audience: { audience: [] }, types: null }, context)`,
    )
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { strict: true, module: 'nodenext', target: 'es2022', noEmit: true, types: ['node'] },
        files: ['use.ts'],
      }),
    )
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    expect(() => execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' })).not.toThrow()
  })

  it('brings emulators and the contract suite, which an adapter from outside can run', () => {
    writeFileSync(
      join(folder, 'outside.test.mjs'),
      `import { createJwtValidator } from 'idplug'
       import { createAuth0Emulator } from 'idplug/emulators'
       import { describeTokenValidator } from 'idplug/testing'
       const resource = 'https://mcp.example.com/mcp'
       const now = Date.now()
       describeTokenValidator('an adapter from outside', {
         tokens: 'jwt',
         types: 'checked',
         async start() {
           const emulator = createAuth0Emulator({ origin: 'https://acme.eu.auth0.com', now: () => now })
           const audience = { audience: [resource] }
           return {
             resource,
             now,
             fetch: emulator.fetch,
             createValidator: context =>
               createJwtValidator({ issuer: 'https://acme.eu.auth0.com/', audience, types: ['JWT'] }, context),
             good: [emulator.accessToken()],
             privateKey: () => emulator.keys.current.privateKey,
             rotate: () => emulator.keys.rotate().kid,
             refused: {
               otherBinding: { claims: { aud: 'urn:other' }, reason: 'audience_mismatch' },
               idToken: { claims: { aud: 'native' }, reason: 'audience_mismatch' },
             },
           }
         },
       })`,
    )
    const vitest = join(root, 'node_modules/vitest')
    symlinkSync(vitest, join(folder, 'node_modules/vitest'))
    const run = [join(vitest, 'vitest.mjs'), 'run', '--root', folder, '--no-color']
    const output = execFileSync(process.execPath, run, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
    expect(output).toMatch(/Tests +\d\d passed/)
  })

  it('loads an adapter from outside by the path in its configuration, and knows its refusals', async () => {
    const example = (file: string) => readFileSync(join(root, 'docs/examples/adapter', file), 'utf8')
    writeFileSync(join(folder, 'acme.ts'), example('acme.ts').replace(/'(\.\.\/)+index\.ts'/, "'idplug'"))
    writeFileSync(join(folder, 'acme.json'), example('acme.json'))
    const port = await freePort()
    const env = {
      PATH: process.env.PATH,
      PORT: String(port),
      AUTH_CONFIG: 'acme.json',
      AUTH_METADATA_URL: 'http://127.0.0.1:9/.well-known/openid-configuration',
      ACME_WORKSPACE: 'w-7',
    }
    const child = spawn(process.execPath, [join(installed, manifest.bin.idplug)], { cwd: folder, env, stdio: 'ignore' })
    const ended = once(child, 'close')
    // Refused by its header, so nobody is asked. An error of another copy of the package would end in 500.
    const token = `${Buffer.from('{"alg":"ES256","typ":"JWT"}').toString('base64url')}.e30.c2ln`
    const call = () =>
      fetch(`http://localhost:${port}/mcp`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    await expect.poll(async () => (await call().catch(() => undefined))?.status, { timeout: 15_000 }).toBe(401)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  it('starts the server by its command', async () => {
    const port = await freePort()
    const command = join(installed, manifest.bin.idplug)
    const env = { PATH: process.env.PATH, PORT: String(port), AUTH_SERVER_PORT: String(await freePort()) }
    const child = spawn(process.execPath, [command], { env, stdio: 'ignore' })
    const ended = once(child, 'close')
    const status = async () => (await fetch(`http://localhost:${port}/ready`).catch(() => undefined))?.status
    await expect.poll(status, { timeout: 15_000 }).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
