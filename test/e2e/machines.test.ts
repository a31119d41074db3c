import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
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
import { openTerminal } from '../app/commands/client/support.ts'
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

describe("an agent with an assertion of the bridge's provider acts for the person that signs in there", () => {
  /** Gives an ID-JAG for whatever ID token it is shown (RFC 8693), as the provider of an enterprise does. */
  async function startIdp() {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }
    const assert = (audience: string, resource: string) =>
      new SignJWT({ client_id: 'agent', resource, jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'oauth-id-jag+jwt' })
        .setIssuer(issuer)
        .setSubject('00u1')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('5 minutes')
        .sign(privateKey)
    const { close, port } = await listen(async (req, res) => {
      const form = new URLSearchParams(await text(req))
      const exchanged = async () => ({
        access_token: await assert(form.get('audience') ?? '', form.get('resource') ?? ''),
        issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
        token_type: 'N_A',
      })
      const metadata = { issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` }
      const body = req.url === '/jwks' ? jwks : req.url === '/token' ? await exchanged() : metadata
      res.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    })
    onTestFinished(close)
    const issuer = `http://localhost:${port}`
    return { issuer, assert, subject: `oidc:localhost:${port}:00u1` }
  }

  async function start(idp: { issuer: string }, settings: Record<string, string> = {}) {
    const agent = { client_id: 'agent', grants: ['identity_assertion'], clientSecretEnv: 'AGENT_SECRET' }
    const { servers } = await startBridge(
      uri => createOidcEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
      origin => ({
        AUTH_PROVIDER: 'oidc',
        AUTH_METADATA_URL: origin,
        BRIDGE_ASSERTION_ISSUER: idp.issuer,
        AUTH_CLIENTS_FILE: clientsFile(agent),
        AGENT_SECRET: SECRET,
        ...settings,
      }),
    )
    return servers
  }

  it('with nothing but the token request', async () => {
    const idp = await startIdp()
    const servers = await start(idp)
    const assertion = await idp.assert(servers.issuer, servers.resource)
    const { status, json } = await createClient(servers.issuer).token(
      { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion },
      { authorization: basic('agent', SECRET) },
    )
    expect(status).toBe(200)
    expect(await callWith(servers.resource, json.access_token)).toBe(200)
    await vi.waitUntil(() => servers.log().includes('"event":"request_accepted"'))
    expect(servers.log()).toContain(idp.subject)
  })

  it('on the command line, where the server takes bound tokens only', async () => {
    const idp = await startIdp()
    const servers = await start(idp, { DPOP: 'required' })
    const terminal = openTerminal({ AGENT_SECRET: SECRET })
    const idToken = `${terminal.tokens}.id-token`
    writeFileSync(idToken, 'an ID token')
    const as = ['--client-id', 'agent', '--client-secret-env', 'AGENT_SECRET', '--issuer', servers.issuer]
    const by = ['--id-token', idToken, '--idp', idp.issuer, '--idp-client-id', 'workstation']
    const bound = await terminal.run(['call', servers.resource, 'whoami', ...as, ...by, '--dpop'])
    expect(bound).toMatchObject({ code: 0, stdout: expect.stringContaining(idp.subject) })
    expect((await terminal.run(['call', servers.resource, 'whoami', ...as, ...by])).code).not.toBe(0)
  })
})
