import { createAuth } from 'idplug'
import { protect } from 'idplug/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyRing, type JsonObject, signJwt } from '../../emulators/core/keys.ts'
import { alb } from '../support/alb.ts'
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

  it('accepts what the gateway signed, with the scopes of the rules', async () => {
    const { sign, call, asked, ready } = await started()
    await ready()
    const response = await call({ [header]: await sign() })
    expect([response.status, await response.text()]).toEqual([200, claims.sub])
    const lacksScope = await call({ [header]: await sign() }, 'write_file')
    expect([lacksScope.status, lacksScope.headers.get('www-authenticate')]).toEqual([403, null])
    expect(new Set(asked)).toEqual(new Set([keysAt]))
  })

  it('refuses everything else', async () => {
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

describe('behind an AWS Application Load Balancer', () => {
  const settings = {
    AUTH_TOKEN_HEADER: 'X-Amzn-Oidc-Data',
    AUTH_CONFIG: example('aws-alb'),
    ALB_REGION: 'eu-central-1',
    ALB_ARN: alb.arn,
    ALB_ISSUER: alb.issuer,
    ALB_CLIENT_ID: alb.clientId,
    ALB_GRANT_SCOPES: 'files:read',
  }

  async function started(changes: Record<string, string> = {}) {
    const balancer = alb.create()
    const auth = createAuth(declaration, {
      env: { ALLOWED_HOSTS: '127.0.0.1', ...settings, ...changes },
      observer: {},
      fetch: balancer.fetch,
    })
    const { origin, close } = await listen(
      protect(auth, (request, response) => void response.end(JSON.stringify(request.auth?.extra?.token))),
    )
    onTestFinished(close)
    onTestFinished(() => auth.close())
    const call = (token: string, name = 'read_file') =>
      fetch(`${origin}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-amzn-oidc-data': token },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }),
      })
    return { ...balancer, call, statusOf: async (token: string) => (await call(token)).status }
  }

  it('accepts what the load balancer signed, under the issuer and subject of the provider', async () => {
    const { sign, call, asked, keyUrl } = await started()
    const token = await sign()
    expect(token).toMatch(/=\./)
    const response = await call(token)
    expect(await response.json()).toMatchObject({
      issuer: alb.issuer,
      subject: '1234567890',
      clientId: alb.clientId,
      scopes: ['files:read'],
      principalType: 'user',
    })
    expect((await call(token, 'write_file')).status).toBe(403)
    expect(asked).toEqual([keyUrl])
  })

  it.each([
    ['another load balancer', { header: { signer: `${alb.arn}0` } }, 401],
    ['no load balancer', { header: { signer: undefined } }, 401],
    [
      'a user who is called like the load balancer',
      { header: { signer: undefined }, claims: { signer: alb.arn } },
      401,
    ],
    ['another client', { header: { client: 'another-app' } }, 401],
    ['a user who is called like the client', { header: { client: undefined }, claims: { client: alb.clientId } }, 401],
    ['another issuer', { header: { iss: 'https://evil.example' } }, 401],
    ['an issuer in the payload alone', { header: { iss: undefined }, claims: { iss: alb.issuer } }, 401],
    ['the past', { header: { exp: 1 } }, 401],
    ['the past, with a payload that lives on', { header: { exp: 1 }, claims: { exp: 4_000_000_000 } }, 401],
    ['nobody', { claims: { sub: undefined } }, 401],
    ['an id that leads elsewhere', { header: { kid: '../other' } }, 401],
    ['an id that nobody published', { header: { kid: '00000000-0000-0000-0000-000000000000' } }, 401],
    ['another algorithm', { header: { alg: 'HS256' } }, 401],
  ])('refuses a token of %s', async (_of, changes, status) => {
    const { sign, statusOf } = await started()
    expect(await statusOf(await sign(changes))).toBe(status)
  })

  it('refuses a changed token, and one whose padding was taken off what is signed', async () => {
    const { sign, statusOf } = await started()
    const token = await sign()
    const [header = '', payload = '', signature = ''] = token.split('.')
    const other = Buffer.from('{"sub":"somebody else"}').toString('base64url')
    expect(await statusOf(`${header}.${other}.${signature}`)).toBe(401)
    expect(await statusOf(`${header.replace(/=+$/, '')}.${payload}.${signature}`)).toBe(401)
    expect(await statusOf(`${header}=.${payload}.${signature}`)).toBe(401)
  })

  it('refuses a token of another load balancer without asking for its key', async () => {
    const { sign, statusOf, asked } = await started()
    expect(await statusOf(await sign({ header: { signer: `${alb.arn}0` } }))).toBe(401)
    expect(asked).toEqual([])
  })

  it('answers 503 while the keys cannot be fetched', async () => {
    const { sign, statusOf, fail } = await started()
    fail()
    expect(await statusOf(await sign())).toBe(503)
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
