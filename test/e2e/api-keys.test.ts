import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, createAuth } from 'idplug'
import { protect } from 'idplug/node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createOidcEmulator } from '../../emulators/oidc.ts'
import { listen } from '../support/http.ts'
import { runProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const declaration = {
  name: 'Files',
  resource: 'http://localhost/mcp',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const

/** A server that says who called, beside an emulated provider. */
async function started(file: string, settings: Record<string, string> = {}) {
  const provider = createOidcEmulator({ origin: 'https://id.example.com', audience: 'http://localhost/mcp' })
  const auth = createAuth(declaration, {
    env: {
      AUTH_PROVIDER: 'oidc',
      OIDC_METADATA_URL: provider.issuer(),
      AUTH_API_KEYS_FILE: file,
      ALLOWED_HOSTS: 'localhost,127.0.0.1',
      ...settings,
    },
    fetch: provider.fetch,
    observer: {},
  })
  onTestFinished(() => auth.close())
  const listener = protect(auth, (request, response) => {
    const { clientId, extra } = request.auth ?? {}
    response.end(JSON.stringify({ client: clientId, subject: extra?.token.subject }))
  })
  const { origin, close } = await listen(listener)
  onTestFinished(close)
  const call = (headers: Record<string, string>, tool = 'read_file') =>
    fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
    })
  return { provider, call }
}

async function newKey(file: string, ...args: string[]): Promise<string> {
  const { stdout, code, stderr } = await runProgram(['api-keys', 'new', '--file', file, ...args])
  expect(stderr).toContain('shown this once')
  expect(code).toBe(0)
  return stdout.trim()
}

describe('API keys', () => {
  it('are made by a command, kept as hashes, and accepted in both headers', async () => {
    const file = join(temporaryFolder(), 'keys.json')
    const key = await newKey(file, '--owner', 'ci', '--scopes', 'files:read')
    expect(readFileSync(file, 'utf8')).not.toContain(key)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const { call } = await started(file)
    const either: Record<string, string>[] = [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }]
    for (const headers of either) {
      const response = await call(headers)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ client: 'ci', subject: 'ci' })
    }
  })

  it('are refused with status, challenge and reason', async () => {
    const file = join(temporaryFolder(), 'keys.json')
    const key = await newKey(file, '--owner', 'ci', '--scopes', 'files:read')
    const { call, provider } = await started(file)
    const lacksScope = await call({ 'x-api-key': key }, 'write_file')
    expect([lacksScope.status, lacksScope.headers.get('www-authenticate')]).toEqual([403, null])
    for (const text of ['', 'idplug_x', `idplug_${'x'.repeat(43)}`, await provider.mint()]) {
      const response = await call({ 'x-api-key': text })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('invalid_token')
    }
    expect((await call({ 'x-api-key': key, authorization: `Bearer ${key}` })).status).toBe(400)
    expect((await call({ 'x-api-key': `${key}, ${key}` })).status).toBe(400)
    expect((await call({})).status).toBe(401)
    expect(provider.count()).toBe(0)
  })

  it('leave tokens of the provider as they are, and are not read without the setting', async () => {
    const file = join(temporaryFolder(), 'keys.json')
    const key = await newKey(file, '--owner', 'ci', '--scopes', 'files:read')
    const { call, provider } = await started(file)
    const token = await provider.mint({ scopes: ['files:read'] })
    expect((await call({ authorization: `Bearer ${token}` })).status).toBe(200)
    const without = await started(file, { AUTH_API_KEYS_FILE: '' })
    expect((await without.call({ 'x-api-key': key, authorization: `Bearer ${token}` })).status).toBe(401)
    expect((await without.call({ 'x-api-key': key })).headers.get('www-authenticate')).not.toContain('error')
  })

  it('are taken back by removing them from the file; a file that cannot be used changes nothing', async () => {
    const file = join(temporaryFolder(), 'keys.json')
    const key = await newKey(file, '--owner', 'ci', '--scopes', 'files:read')
    const { call } = await started(file)
    const status = async () => (await call({ 'x-api-key': key })).status
    writeFileSync(file, '{ "keys": [')
    await vi.waitFor(async () => expect(await status()).toBe(200))
    writeFileSync(file, '{ "keys": [] }')
    await vi.waitFor(async () => expect(await status()).toBe(401), { interval: 100 })
  })

  it('get a second id for the same owner, and an end', async () => {
    const file = join(temporaryFolder(), 'keys.json')
    await newKey(file, '--owner', 'c i', '--scopes', 'files:read')
    await newKey(file, '--owner', 'c i', '--scopes', 'files:read files:write', '--days', '30')
    const { keys } = JSON.parse(readFileSync(file, 'utf8'))
    expect(keys).toMatchObject([{ id: 'c-i' }, { id: 'c-i-2', scopes: ['files:read', 'files:write'] }])
    expect(Date.parse(keys[1].expires) - Date.now()).toBeGreaterThan(29 * 86_400_000)
  })

  it.each([
    [['--owner', 'ci', '--scopes', 'files:read', '--id', 'not an id'], 'must be 1 to 100 letters'],
    [['--owner', 'ci', '--scopes', 'files:read', '--days', '0'], '--days takes a number of days'],
    [['--owner', 'ci', '--scopes', 'fi"les'], 'must be a scope'],
  ])('are not made with %j, and the file stays as it is', async (args, problem) => {
    const file = join(temporaryFolder(), 'keys.json')
    writeFileSync(file, '{"keys":[]}')
    const { code, stderr } = await runProgram(['api-keys', 'new', '--file', file, ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(problem)
    expect(readFileSync(file, 'utf8')).toBe('{"keys":[]}')
  })

  it('stop the start where the file is wrong, with every problem at once', () => {
    const file = join(temporaryFolder(), 'keys.json')
    const entry = { id: 'a', sha256: 'f'.repeat(64), owner: 'x', scopes: ['files:delete'] }
    const start = (content: unknown) => () => {
      writeFileSync(file, JSON.stringify(content))
      createAuth(declaration, {
        env: { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com', AUTH_API_KEYS_FILE: file },
      })
    }
    expect(start({ keys: [entry] })).toThrow('AUTH_API_KEYS_FILE: a: names files:delete')
    expect(
      start({
        keys: [
          { ...entry, sha256: 'F' },
          { ...entry, owner: '' },
        ],
      }),
    ).toThrow(ConfigError)
    expect(
      start({
        keys: [
          { ...entry, scopes: [] },
          { ...entry, scopes: [] },
        ],
      }),
    ).toThrow('twice')
    expect(start({ keys: [{ ...entry, key: 'idplug_secret' }] })).toThrow('has no option key')
    expect(start([])).toThrow('file:')
  })
})
