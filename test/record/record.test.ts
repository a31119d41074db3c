import { createHash } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Auth0Emulator, createAuth0Emulator } from '../../emulators/auth0.ts'
import { createEmulator, formOf } from '../../emulators/core/emulator.ts'
import { auth0 } from './auth0.ts'
import type { RecordedProvider, Recording } from './declaration.ts'
import { record } from './record.ts'
import type { RecordingFile } from './recording.ts'
import { redact } from './redact.ts'
import { replay } from './replay.ts'

/** An emulator that the tool takes for the tenant of the person who records. */
async function tenant(): Promise<{ emulator: Auth0Emulator; origin: string; env: Record<string, string> }> {
  const emulator = createAuth0Emulator()
  const origin = await emulator.start()
  onTestFinished(emulator.close)
  const env = {
    AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration`,
    PUBLIC_URL: 'https://mcp.example.com',
    AUTH0_SCOPE_CLAIMS: 'scope permissions',
    HOME: '/home/ada',
    DATABASE_PASSWORD: 'of-somebody-else',
  }
  return { emulator, origin, env }
}

const [recording] = auth0.recordings

async function outcomesOf(file: RecordingFile) {
  return (await replay(file)).outcomes
}

describe('a recording of signed tokens', () => {
  it('holds nothing of the tokens and the people, and replays', async () => {
    const { emulator, origin, env } = await tenant()
    const claims = {
      sub: 'auth0|64b6f2a1c0ffee0000000001',
      email: 'ada@corp.example',
      'https://claims.example/person': { name: 'Ada King', department: 'computing' },
      jti: 'session-of-ada-1',
    }
    const tokens = {
      user: await emulator.mint({ dialect: 'access_token_authz', claims }),
      machine: await emulator.mint({ user: null }),
      'no-api': emulator.mintOpaque(),
      'unknown-key': await emulator.mint({ header: { kid: 'gone' } }),
    }
    const file = await record(auth0, recording, { env, tokens })
    const text = JSON.stringify(file)

    expect(file.provenance).toMatchObject({ source: 'live tenant' })
    const decoded = Object.values(file.tokens).map(({ token }) => Buffer.from(token.split('.')[1] ?? '', 'base64url'))
    const everything = text + Buffer.concat(decoded).toString()
    const signatures = Object.values(tokens).map(token => token.split('.').at(-1) ?? '')
    for (const original of [...Object.values(tokens), ...signatures, ...people, String(claims.jti)]) {
      expect(everything).not.toContain(original)
    }
    // What no setting of the provider's speaks of is nobody's business.
    expect(file.settings).toEqual({
      AUTH_PROVIDER: 'auth0',
      PUBLIC_URL: 'https://mcp.example.com',
      AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration`,
      AUTH0_SCOPE_CLAIMS: 'scope permissions',
    })
    expect(file.tokens.user?.outcome).toMatchObject({
      accepted: { subject: expect.stringMatching(/^auth0\|[0-9a-f]{24}$/), clientId: 'native', issuer: `${origin}/` },
    })
    expect(file.tokens.machine?.outcome).toMatchObject({ accepted: { subject: 'machine@clients' } })
    expect(await outcomesOf(file)).toEqual(
      Object.fromEntries(Object.entries(file.tokens).map(([label, { outcome }]) => [label, outcome])),
    )
  })

  it('keeps the members of metadata and keys, and brings keys of its own', async () => {
    const { emulator, env } = await tenant()
    const file = await record(auth0, recording, { env, tokens: { user: await emulator.mint() } })
    const [metadata, keySet] = file.exchanges.map(({ response }) => response as Record<string, unknown>)
    const real = await (await fetch(env.AUTH_METADATA_URL ?? '')).json()
    expect(metadata).toEqual(real)
    const [published] = emulator.keys.published()
    const [recorded] = (keySet as { keys: Record<string, unknown>[] }).keys
    expect(Object.keys(recorded ?? {})).toEqual(Object.keys(published ?? {}))
    expect(recorded).toMatchObject({ kid: published?.kid, alg: 'RS256', use: 'sig' })
    expect(recorded?.n).not.toBe(published?.n)
  })

  it('tells a broken signature from a good one', async () => {
    const { emulator, env } = await tenant()
    const token = await emulator.mint()
    const broken = `${token.slice(0, -10)}AAAAAAAAAA`
    const declared: Recording = { ...recording, tokens: { user: 'accepted', broken: 'signature_invalid' } }
    const file = await record(auth0, declared, { env, tokens: { user: token, broken } })
    expect(file.tokens.broken?.outcome).toEqual({ refused: 'signature_invalid' })
  })

  it('is not made when a token is treated otherwise than declared', async () => {
    const { emulator, env } = await tenant()
    const tokens = { expired: await emulator.mint() }
    await expect(record(auth0, recording, { env, tokens })).rejects.toThrow('expired: accepted instead of expired')
  })

  it('is not made of tokens that are not declared, or of none', async () => {
    const { env } = await tenant()
    await expect(record(auth0, recording, { env, tokens: { users: 'x' } })).rejects.toThrow('no token is called users')
    await expect(record(auth0, recording, { env, tokens: {} })).rejects.toThrow('one token at least')
  })
})

const people = ['ada@corp.example', 'corp.example', 'Ada King', '64b6f2a1c0ffee0000000001']

/** A provider of opaque tokens, asked with a secret. It knows everybody's name. */
async function introspecting(): Promise<{ provider: RecordedProvider; env: Record<string, string> }> {
  const { emulator, origin } = await started()
  onTestFinished(emulator.close)
  return {
    provider: {
      provider: 'introspection',
      tokenPrefix: /^tok_/,
      recordings: [
        { name: 'server', tokens: { user: 'accepted', revoked: 'inactive' }, standIn: () => expect.fail('live') },
      ],
    },
    env: {
      INTROSPECTION_METADATA_URL: `${origin}/.well-known/oauth-authorization-server`,
      INTROSPECTION_CLIENT_ID: 'mcp-server',
      INTROSPECTION_CLIENT_SECRET: 'the+secret/of=mcp-server',
      INTROSPECTION_AUTH_METHOD: 'client_secret_post',
      PUBLIC_URL: 'https://mcp.example.com',
    },
  }
}

async function started() {
  const emulator = createEmulator({
    routes: {
      'GET /.well-known/oauth-authorization-server': () =>
        Response.json(
          { issuer: emulator.origin, introspection_endpoint: `${emulator.origin}/introspect` },
          { headers: { 'set-cookie': 'session=of-the-tenant', 'cache-control': 'max-age=60' } },
        ),
      'POST /introspect': async request => {
        const form = await formOf(request)
        if (form.get('client_secret') !== 'the+secret/of=mcp-server') return Response.json({}, { status: 401 })
        if (form.get('token') !== 'tok_Abc/123.def') return Response.json({ active: false })
        return Response.json({
          active: true,
          sub: '583231',
          client_id: 'client-1',
          aud: 'https://mcp.example.com/mcp',
          scope: 'notes:read',
          username: 'ada@corp.example',
          hd: 'corp.example',
          user: { id: 583_231, name: 'Ada King', url: 'https://api.example/users/ada@corp.example' },
        })
      },
    },
  })
  return { emulator, origin: await emulator.start() }
}

describe('a recording of opaque tokens', () => {
  it('holds neither secret nor token nor names, encoded or not, and replays', async () => {
    const { provider, env } = await introspecting()
    const tokens = { user: 'tok_Abc/123.def', revoked: 'tok_Xyz.999' }
    const file = await record(provider, provider.recordings[0], { env, tokens })
    const text = JSON.stringify(file)
    for (const original of [...Object.values(tokens), env.INTROSPECTION_CLIENT_SECRET ?? '', ...people]) {
      expect(text).not.toContain(original)
      expect(text).not.toContain(encodeURIComponent(original))
    }
    // A number that is the same as a text.
    expect(text).not.toContain('583231')
    expect(text).not.toContain('of-the-tenant')
    expect(file.exchanges[0]?.rawHeaders).toEqual({ 'cache-control': 'max-age=60', 'content-type': 'application/json' })
    expect(file.tokens.user?.token).toMatch(/^tok_[A-Za-z]{3}\/\d{3}\.[a-z]{3}$/)

    // What was equal is equal: the domain in the address and beside it.
    const answer = file.exchanges.map(({ response }) => response as Record<string, never>).find(({ active }) => active)
    expect(String(answer?.username).split('@')[1]).toBe(answer?.hd)
    expect(await outcomesOf(file)).toMatchObject({
      user: { accepted: { subject: answer?.sub, scopes: ['notes:read'] } },
      revoked: { refused: 'inactive' },
    })
  })
})

describe('a redaction', () => {
  const exchange = {
    scope: 'https://as.example',
    method: 'GET',
    path: '/me',
    body: '',
    status: 200,
    rawHeaders: {},
    response: {},
  }
  const rules = { secrets: ['a-secret-of-ours'], rename: [], personalMembers: ['id'] }

  it('replaces numbers by numbers of their length, at members that were named', async () => {
    const response = { id: 583_231, app: { client_id: 'x', count: 583_232 } }
    const { exchanges } = await redact({ settings: {}, tokens: {}, exchanges: [{ ...exchange, response }] }, rules)
    const [{ id, app }] = exchanges.map(one => one.response) as [{ id: number; app: { count: number } }]
    expect(String(id)).toMatch(/^\d{6}$/)
    expect(id).not.toBe(583_231)
    expect(app.count).toBe(583_232)
  })

  it('keeps the subject of a service, which is its client', async () => {
    const response = { sub: 'client-42', client_id: 'client-42' }
    const { exchanges } = await redact({ settings: {}, tokens: {}, exchanges: [{ ...exchange, response }] }, rules)
    expect(exchanges[0]?.response).toEqual(response)
  })

  it('is refused when a secret hides where texts are not looked at', async () => {
    const response = { 'a-secret-of-ours': true }
    await expect(redact({ settings: {}, tokens: {}, exchanges: [{ ...exchange, response }] }, rules)).rejects.toThrow(
      'would still hold',
    )
  })

  it('is refused when an answer holds a token that nobody has named', async () => {
    const header = Buffer.from('{"alg":"RS256","kid":"1"}').toString('base64url')
    const response = { id_token: `${header}.e30.${createHash('sha256').digest('base64url')}` }
    await expect(redact({ settings: {}, tokens: {}, exchanges: [{ ...exchange, response }] }, rules)).rejects.toThrow(
      'not among the tokens',
    )
  })
})
