import { createAuth } from 'idplug'
import { protect } from 'idplug/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyRing, type JsonObject, signJwt } from '../../emulators/core/keys.ts'
import { listen } from '../support/http.ts'

const example = (name: string) => new URL(`../../docs/examples/providers/${name}.json`, import.meta.url).pathname

const declaration = {
  name: 'Files',
  resource: 'http://localhost/mcp',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const

interface Gateway {
  readonly settings: Record<string, string>
  readonly keysAt: string
  readonly algorithm: 'RS256' | 'ES256'
  /** As documented; made here, not captured. */
  readonly claims: JsonObject
}

const gateways: Record<string, Gateway> = {
  'Cloudflare Access': {
    settings: {
      AUTH_TOKEN_HEADER: 'Cf-Access-Jwt-Assertion',
      AUTH_CONFIG: example('cloudflare-access'),
      ACCESS_TEAM: 'acme',
      ACCESS_AUD: '32eafc76',
      ACCESS_GRANT_SCOPES: 'files:read',
    },
    keysAt: 'https://acme.cloudflareaccess.com/cdn-cgi/access/certs',
    algorithm: 'RS256',
    claims: {
      aud: ['32eafc76'],
      email: 'ada@example.com',
      iss: 'https://acme.cloudflareaccess.com',
      type: 'app',
      identity_nonce: '6ei69kawdKzMIAPF',
      sub: '7335d417-61da-459d-899c-0a01c76a2f94',
      country: 'US',
    },
  },
  'Google IAP': {
    settings: {
      AUTH_TOKEN_HEADER: 'X-Goog-IAP-JWT-Assertion',
      AUTH_CONFIG: example('google-iap'),
      IAP_AUDIENCE: '/projects/1/global/backendServices/2',
      IAP_GRANT_SCOPES: 'files:read',
    },
    keysAt: 'https://www.gstatic.com/iap/verify/public_key-jwk',
    algorithm: 'ES256',
    claims: {
      aud: '/projects/1/global/backendServices/2',
      email: 'ada@example.com',
      iss: 'https://cloud.google.com/iap',
      sub: 'accounts.google.com:118133858486581853996',
      hd: 'example.com',
    },
  },
}

describe.each(Object.entries(gateways))('behind %s', (_name, { settings, keysAt, algorithm, claims }) => {
  const header = settings.AUTH_TOKEN_HEADER as string

  async function started() {
    const keys = createKeyRing({ alg: algorithm })
    const asked: string[] = []
    const auth = createAuth(declaration, {
      env: { ALLOWED_HOSTS: '127.0.0.1', ...settings },
      observer: {},
      fetch: async input => {
        asked.push(String(input))
        return String(input) === keysAt ? Response.json({ keys: keys.published() }) : new Response('', { status: 404 })
      },
    })
    const { origin, close } = await listen(
      protect(auth, (request, response) => void response.end(request.auth?.extra?.token.subject)),
    )
    onTestFinished(close)
    onTestFinished(() => auth.close())
    const now = Math.floor(Date.now() / 1000)
    const sign = (changes: JsonObject = {}) =>
      signJwt(
        { alg: algorithm, kid: keys.current.kid, typ: 'JWT' },
        { iat: now, exp: now + 60, ...claims, ...changes },
        keys.current.privateKey,
      )
    const call = (headers: Record<string, string>, tool = 'read_file') =>
      fetch(`${origin}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
      })
    return { sign, call, asked, ready: () => auth.ready() }
  }

  it('somebody is who the gateway says, and may what the rules say', async () => {
    const { sign, call, asked, ready } = await started()
    await ready()
    const response = await call({ [header]: await sign() })
    expect([response.status, await response.text()]).toEqual([200, claims.sub])
    const lacksScope = await call({ [header]: await sign() }, 'write_file')
    expect([lacksScope.status, lacksScope.headers.get('www-authenticate')]).toEqual([403, null])
    expect(new Set(asked)).toEqual(new Set([keysAt]))
  })

  it('nobody is let in past it', async () => {
    const { sign, call } = await started()
    const token = await sign()
    const statusOf = async (headers: Record<string, string>) => (await call(headers)).status
    expect(await statusOf({})).toBe(401)
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(401)
    expect(await statusOf({ [header]: `${token}, ${token}` })).toBe(400)
    expect(await statusOf({ [header]: `${token.slice(0, -6)}AAAAAA` })).toBe(401)
    expect(await statusOf({ [header]: await sign({ aud: 'another-application' }) })).toBe(401)
    expect(await statusOf({ [header]: await sign({ iss: 'https://evil.example' }) })).toBe(401)
    expect(await statusOf({ [header]: await sign({ sub: '' }) })).toBe(401)
    expect(await statusOf({ [header]: await sign({ exp: 1 }) })).toBe(401)
  })
})

it.each(['Authorization', 'cookie', 'X-API-Key', 'Content-Type', 'Proxy-Authorization', 'two words', ''])(
  'AUTH_TOKEN_HEADER=%s',
  value => {
    const env = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com', AUTH_TOKEN_HEADER: value }
    const start = () => createAuth(declaration, { env })
    if (value === '') expect(start).not.toThrow()
    else expect(start).toThrow('AUTH_TOKEN_HEADER: must be')
  },
)
