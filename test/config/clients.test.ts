import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadClients } from '../../config/clients.ts'
import { loadConfiguration } from '../../config/load.ts'
import type { ConfigProblem } from '../../src/config-error.ts'

const SECRET = 'the-secret-of-the-nightly-job'
const nightly = {
  client_id: 'nightly',
  grants: ['client_credentials'],
  scopes: ['notes:read'],
  clientSecretEnv: 'NIGHTLY_SECRET',
}

function load(content: unknown, env: Record<string, string> = { NIGHTLY_SECRET: SECRET }) {
  const path = join(mkdtempSync(join(tmpdir(), 'clients-')), 'clients.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  const problems: ConfigProblem[] = []
  const clients = loadClients(path, env, problems)
  return { clients, problems: problems.map(({ setting, problem }) => `${setting}: ${problem}`) }
}

describe('AUTH_CLIENTS_FILE', () => {
  it.each([
    [{}, 'mcp-server'],
    [{ DEMO_RS_CLIENT_ID: 'files' }, 'files'],
  ])('has no client with the id under which the MCP server introspects: %j', (settings, client_id) => {
    const path = join(mkdtempSync(join(tmpdir(), 'clients-')), 'clients.json')
    writeFileSync(path, JSON.stringify({ clients: [{ ...nightly, client_id }] }))
    const env = { NIGHTLY_SECRET: SECRET, AUTH_CLIENTS_FILE: path, ...settings }
    expect(() => loadConfiguration(env)).toThrow(
      `a client has the id ${client_id}, under which the MCP server introspects`,
    )
    const DEMO_RS_CLIENT_ID = 'another'
    expect(loadConfiguration({ ...env, DEMO_RS_CLIENT_ID }).clients).toHaveLength(1)
  })

  it('names clients in their registered form, with the secret from the environment', () => {
    expect(load({ clients: [nightly] })).toEqual({
      problems: [],
      clients: [
        {
          client_id: 'nightly',
          client_secret: SECRET,
          token_endpoint_auth_method: 'client_secret_basic',
          grant_types: ['client_credentials'],
          scope: 'notes:read',
          response_types: [],
          redirect_uris: [],
        },
      ],
    })
  })

  it('accepts a client with public keys in place of a secret', () => {
    const keys = [generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })]
    const agent = { client_id: 'agent', grants: ['identity_assertion'], jwks: { keys } }
    expect(load({ clients: [agent] }).clients).toEqual([
      expect.objectContaining({
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys },
        grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
      }),
    ])
  })

  const portal = {
    client_id: 'portal',
    grants: ['sign_in'],
    clientSecretEnv: 'NIGHTLY_SECRET',
    redirect_uris: ['https://portal.example.com/callback'],
  }
  const { clientSecretEnv: _secret, ...withoutSecret } = portal
  const desk = { ...withoutSecret, public: true, redirect_uris: ['acme-desk://callback', 'http://localhost/callback'] }

  it('accepts applications that sign people in: with a secret, trusted, or public', () => {
    expect(
      load({
        clients: [
          { ...portal, trusted: true },
          { ...desk, client_id: 'desk' },
        ],
      }),
    ).toEqual({
      problems: [],
      clients: [
        {
          client_id: 'portal',
          client_secret: SECRET,
          token_endpoint_auth_method: 'client_secret_basic',
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          redirect_uris: ['https://portal.example.com/callback'],
          trusted: true,
        },
        {
          client_id: 'desk',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          redirect_uris: ['acme-desk://callback', 'http://localhost/callback'],
        },
      ],
    })
  })

  const { clientSecretEnv: _none, ...withoutKey } = nightly
  it.each([
    ['a file that is not JSON', '{', {}, 'is not JSON'],
    [
      'a misspelled member',
      { clients: [{ ...nightly, scope: 'x' }] },
      undefined,
      'no option scope (did you mean scopes?)',
    ],
    ['no credentials', { clients: [withoutKey] }, undefined, 'needs exactly one of clientSecretEnv, jwks and jwks_uri'],
    ...[SECRET, 'c2VjcmV0LXdpdGgtYmFzZTY0Cg==', 'nightly-secret', 'eyJhbGciOi.eyJpc3Mi.c2ln'].map(
      (clientSecretEnv): [string, object, undefined, string] => [
        `the secret in place of a name (${clientSecretEnv})`,
        { clients: [{ ...nightly, clientSecretEnv }] },
        undefined,
        'clients.0.clientSecretEnv: must be the name of an environment variable',
      ],
    ),
    [
      'two kinds of credentials',
      { clients: [{ ...nightly, jwks_uri: 'https://a.example' }] },
      undefined,
      'exactly one',
    ],
    [
      'a private key',
      { clients: [{ ...withoutKey, jwks: { keys: [{ kty: 'EC', d: 'secret' }] } }] },
      undefined,
      'holds a private key',
    ],
    [
      'half of a key',
      { clients: [{ ...withoutKey, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA' }] } }] },
      undefined,
      'holds a key that is not a complete JWK',
    ],
    ['a machine without scopes', { clients: [{ ...nightly, scopes: [] }] }, undefined, 'needs scopes'],
    ['the same id twice', { clients: [nightly, nightly] }, undefined, 'two clients have the id nightly'],
    [
      'a public machine',
      { clients: [{ ...withoutKey, public: true }] },
      undefined,
      'is public: only sign_in works without credentials',
    ],
    ['a sign-in that ends nowhere', { clients: [{ ...portal, redirect_uris: [] }] }, undefined, 'needs redirect_uris'],
    [
      'a machine with redirect URIs',
      { clients: [{ ...nightly, redirect_uris: ['https://a.example'] }] },
      undefined,
      'has none without it',
    ],
    ['scopes of a sign-in', { clients: [{ ...portal, scopes: ['notes:read'] }] }, undefined, 'the person decides'],
    ['a trusted public client', { clients: [{ ...desk, trusted: true }] }, undefined, 'anybody can pose as'],
    [
      'a trusted client on the computer of the person',
      { clients: [{ ...portal, trusted: true, redirect_uris: ['http://localhost/callback'] }] },
      undefined,
      'all of its redirect_uris must be https',
    ],
    ['a trusted machine', { clients: [{ ...nightly, trusted: true }] }, undefined, 'for clients that sign people in'],
    ['a missing secret', { clients: [nightly] }, {}, 'NIGHTLY_SECRET: is not set, nor is NIGHTLY_SECRET_FILE'],
    ['a short secret', { clients: [nightly] }, { NIGHTLY_SECRET: 'short' }, 'must have at least 16 characters'],
  ])('refuses %s', (_name, content, env, problem) => {
    const { problems } = load(content, env)
    expect(problems.join('\n')).toContain(problem)
    expect(problems.join('\n')).not.toContain(SECRET)
  })

  it('says when the file cannot be read', () => {
    const problems: ConfigProblem[] = []
    expect(loadClients('/nowhere/clients.json', {}, problems)).toEqual([])
    expect(problems).toEqual([
      expect.objectContaining({ problem: expect.stringContaining('there is no /nowhere/clients.json') }),
    ])
  })
})
