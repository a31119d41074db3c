import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Client,
  ClientCredentialsProvider,
  type OAuthClientProvider,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { exportJWK, exportPKCS8, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createOidcEmulator } from '../../emulators/oidc.ts'
import { basic, createClient } from '../demo-as/support.ts'
import { listen } from '../support/http.ts'
import { CLIENT, startBridge } from './bridge/support.ts'
import { callWith } from './call-with.ts'
import { startServers } from './servers.ts'

const SECRET = 'the-secret-of-the-nightly-job'

function clientsFile(...clients: readonly object[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'clients-')), 'clients.json')
  writeFileSync(path, JSON.stringify({ clients }))
  return path
}

async function whoami(resource: string, authProvider: OAuthClientProvider): Promise<string> {
  const client = new Client({ name: 'e2e', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  onTestFinished(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }))
  const { content } = await client.callTool({ name: 'whoami', arguments: {} })
  return JSON.stringify(content)
}

describe('a machine that the operator set up, with the official client', () => {
  it('works with a secret', async () => {
    const nightly = {
      client_id: 'nightly',
      grants: ['client_credentials'],
      scopes: ['notes:read', 'notes:admin'],
      clientSecretEnv: 'NIGHTLY_SECRET',
    }
    const { resource, issuer } = await startServers({
      AUTH_CLIENTS_FILE: clientsFile(nightly),
      NIGHTLY_SECRET: SECRET,
    })
    const provider = new ClientCredentialsProvider({
      clientId: 'nightly',
      clientSecret: SECRET,
      expectedIssuer: issuer,
    })
    const text = await whoami(resource, provider)
    expect(text).toContain('nightly')
    expect(text).toContain('service')
  })

  it('works with a private key', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
    const nightly = { client_id: 'nightly', grants: ['client_credentials'], scopes: ['notes:read'], jwks }
    const { resource, issuer } = await startServers({ AUTH_CLIENTS_FILE: clientsFile(nightly) })
    const provider = new PrivateKeyJwtProvider({
      clientId: 'nightly',
      privateKey: await exportPKCS8(privateKey),
      algorithm: 'ES256',
      expectedIssuer: issuer,
    })
    expect(await whoami(resource, provider)).toContain('nightly')
  })
})

it("an agent brings an assertion of the bridge's provider, and acts for the person that signs in there", async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }
  const idp = await listen((req, res) => {
    const issuer = `http://localhost:${idp.port}`
    const body = req.url === '/jwks' ? jwks : { issuer, jwks_uri: `${issuer}/jwks` }
    res.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  onTestFinished(idp.close)
  const issuer = `http://localhost:${idp.port}`
  const agent = { client_id: 'agent', grants: ['identity_assertion'], clientSecretEnv: 'AGENT_SECRET' }
  const { servers } = await startBridge(
    uri => createOidcEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
    origin => ({
      AUTH_PROVIDER: 'oidc',
      AUTH_METADATA_URL: origin,
      BRIDGE_ASSERTION_ISSUER: issuer,
      AUTH_CLIENTS_FILE: clientsFile(agent),
      AGENT_SECRET: SECRET,
    }),
  )
  const assertion = await new SignJWT({ client_id: 'agent', resource: servers.resource, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'oauth-id-jag+jwt' })
    .setIssuer(issuer)
    .setSubject('00u1')
    .setAudience(servers.issuer)
    .setIssuedAt()
    .setExpirationTime('5 minutes')
    .sign(privateKey)
  const { status, json } = await createClient(servers.issuer).token(
    { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion },
    { authorization: basic('agent', SECRET) },
  )
  expect(status).toBe(200)
  expect(await callWith(servers.resource, json.access_token)).toBe(200)
  await vi.waitUntil(() => servers.log().includes('"event":"request_accepted"'), 5_000)
  expect(servers.log()).toContain(`oidc:localhost:${idp.port}:00u1`)
})
