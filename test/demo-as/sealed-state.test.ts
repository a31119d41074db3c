import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openStores } from '../../demo-as/stores/open.ts'
import { basic, startWithClient } from './support.ts'

const newFolder = () => mkdtempSync(join(tmpdir(), 'data-'))

/** A server on the state in this folder, under the address of one before it. */
async function startOn(
  folder: string,
  { issuer, keys }: { issuer?: string; keys?: readonly [Buffer, ...Buffer[]] } = {},
) {
  const { stores, key, close } = await openStores({ kind: 'sqlite', folder, file: 'demo.sqlite' })
  onTestFinished(close)
  const encryptionKeys = keys ?? (key && ([key] as const))
  return startWithClient({ stores, encryptionKeys, ...(issuer !== undefined && { issuer }) })
}

const everything = (folder: string) =>
  readdirSync(folder)
    .map(name => readFileSync(join(folder, name), 'latin1'))
    .join()

describe('the state in a data folder', () => {
  it('holds no token and no secret that could be read, and is for its owner only', async () => {
    const folder = join(newFolder(), 'data')
    const { client, origin } = await startOn(folder)
    const { json: registered } = await client.register({ token_endpoint_auth_method: 'client_secret_basic' })
    const { tokens } = await client.obtainTokens()
    const kept = everything(folder)
    expect(kept).toContain(registered.client_id)
    expect(kept).toContain('sealed_secret')
    const jwks = (await (await fetch(`${origin}/oauth/jwks`)).json()) as { keys: { x: string }[] }
    // The time that a token begins with is no secret.
    const [accessToken, refreshToken] = [tokens.access_token, tokens.refresh_token].map(token => token.split('~')[1])
    for (const secret of [registered.client_secret, accessToken, refreshToken, jwks.keys[0]?.x]) {
      expect(secret).toMatch(/^[\w-]{40,}$/)
      expect(kept).not.toContain(secret)
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(folder))
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600])
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('*\n')
  })

  it('lets nobody notice a restart', async () => {
    const folder = newFolder()
    const first = await startOn(folder)
    const { json: registered } = await first.client.register({ token_endpoint_auth_method: 'client_secret_basic' })
    const { clientId, tokens } = await first.client.obtainTokens()
    const second = await startOn(folder, { issuer: first.origin })
    expect((await second.client.introspect(tokens.access_token)).json).toMatchObject({ active: true, sub: 'ada' })
    expect((await second.client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
    const authorization = basic(registered.client_id, registered.client_secret)
    const fields = { grant_type: 'refresh_token', refresh_token: 'x' }
    // The secret is right, the token is not.
    expect((await second.client.token(fields, { authorization })).json.error).toBe('invalid_grant')
    const wrong = { authorization: basic(registered.client_id, 'wrong') }
    expect((await second.client.token(fields, wrong)).json.error).toBe('invalid_client')
  })

  it('is encrypted anew under a new key, and does not start without the one that it needs', async () => {
    const folder = newFolder()
    const [old, current] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const { client, origin: issuer } = await startOn(folder, { keys: [old] })
    const { json: unused } = await client.register({ token_endpoint_auth_method: 'client_secret_post' })
    const both = await startOn(folder, { issuer, keys: [current, old] })
    const { json: used } = await both.client.register({ token_endpoint_auth_method: 'client_secret_post' })
    await expect(startOn(folder, { issuer, keys: [Buffer.alloc(32, 3)] })).rejects.toThrow('not among BRIDGE_KEYS')
    const later = await startOn(folder, { issuer, keys: [current] })
    const ask = ({ client_id, client_secret }: Record<string, string>) =>
      later.client.token({ grant_type: 'refresh_token', refresh_token: 'x', client_id, client_secret })
    expect((await ask(used)).json.error).toBe('invalid_grant')
    // A client whose secret cannot be read any more is told so, and registers again.
    expect((await ask(unused)).json.error).toBe('invalid_client')
  })
})
