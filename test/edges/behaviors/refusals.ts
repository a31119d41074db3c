import { expect } from 'vitest'
import { authFrom } from '../../../auth/auth-from.ts'
import { MisconfigurationError } from '../../../src/errors.ts'
import type { TokenValidator } from '../../../src/token-validator.ts'
import type { Behavior, MakeWorld } from '../edge-fixture.ts'
import { challenge, type ExpectedRefusal, expectRefusal } from '../expect-refusal.ts'
import { APP, callTool, files, type TokenOptions, type World } from '../world.ts'

interface RefusedRequest extends ExpectedRefusal {
  readonly name: string
  /** How the request differs from a good call of `whoami`. */
  readonly options: TokenOptions | ((world: World) => TokenOptions | Promise<TokenOptions>)
  /** Default: `whoami`. */
  readonly tool?: string
}

const malformed = {
  status: 400,
  error: 'invalid_request',
  challenge: challenge({ error: 'invalid_request', scope: 'files:read' }),
}
const invalid = {
  status: 401,
  error: 'invalid_token',
  challenge: challenge({ error: 'invalid_token', scope: 'files:read' }),
}
const lacking = (scope: string) => ({
  status: 403,
  error: 'insufficient_scope',
  challenge: challenge({ error: 'insufficient_scope', scope }),
})
const bare = { status: 401, challenge: challenge({ scope: 'files:read' }) }

/** Refusals of a POST, each seen by a web page of an origin that may call. */
const requests: readonly RefusedRequest[] = [
  { name: 'sends a bare 401 challenge when there are no credentials', options: { token: '' }, ...bare },
  {
    name: 'sends a bare 401 challenge when the credentials are of another scheme',
    options: { headers: { authorization: 'Basic YTpi' } },
    ...bare,
  },
  {
    name: 'answers 400 invalid_request to a scheme without a token',
    options: { headers: { authorization: 'Bearer' } },
    ...malformed,
  },
  {
    name: 'answers 400 invalid_request to two tokens in one header',
    options: { headers: { authorization: 'Bearer abc def' } },
    ...malformed,
  },
  {
    name: 'answers 400 invalid_request to two Authorization headers',
    options: async ({ issuer }) => {
      const token = await issuer.token({ scopes: ['files:read'] })
      return { headers: { authorization: [`Bearer ${token}`, 'Bearer abc'] } }
    },
    ...malformed,
  },
  {
    name: 'answers 400 invalid_request to a token in the query string',
    options: async ({ issuer }) => ({ token: '', path: `/mcp?access_token=${await issuer.token()}` }),
    ...malformed,
  },
  {
    name: 'answers 400 invalid_request to a token in the header and another in the query string',
    options: { path: '/mcp?access_token=abc' },
    ...malformed,
  },
  {
    name: 'answers 401 invalid_token to a token that has expired',
    options: { changes: { expiresInSeconds: -60 } },
    ...invalid,
  },
  {
    name: 'answers 401 invalid_token to a token for another audience',
    options: { changes: { audience: 'https://other.example/mcp' } },
    ...invalid,
  },
  {
    name: 'answers 401 invalid_token to a token whose signature is wrong',
    options: async ({ issuer }) => ({ token: withOtherSignature(await issuer.token({ scopes: ['files:read'] })) }),
    ...invalid,
  },
  { name: 'answers 401 invalid_token to what is no token', options: { token: 'abc' }, ...invalid },
  {
    name: 'answers 403 insufficient_scope with every scope of the tool',
    tool: 'write_file',
    options: {},
    ...lacking('files:read files:write'),
  },
  {
    name: 'answers 403 insufficient_scope with those that the token holds as well, to clients that would lose them',
    tool: 'share_file',
    options: {},
    ...lacking('files:read files:share'),
  },
  {
    name: 'answers 403 insufficient_scope with the scopes of the tool alone, to clients that add scopes up',
    tool: 'share_file',
    options: { headers: { 'mcp-protocol-version': '2026-07-28' } },
    ...lacking('files:share'),
  },
  {
    name: 'answers 403 to a tool that the declaration does not name when the initial scopes are missing',
    tool: 'forgotten',
    options: { changes: { scopes: [] } },
    ...lacking('files:read'),
  },
  {
    name: 'answers 403 to a Host that it does not serve',
    options: { headers: { host: 'evil.example' } },
    status: 403,
    error: 'forbidden',
  },
  {
    name: 'answers 403 to a web page of an origin that may not call',
    options: { headers: { origin: 'https://evil.example' } },
    status: 403,
    error: 'forbidden',
  },
]

/** The token with its signature replaced by that of nobody. */
function withOtherSignature(token: string): string {
  const start = token.lastIndexOf('.') + 1
  return token.slice(0, start) + Buffer.alloc(64, 7).toString('base64url')
}

/** A server whose validator fails with this. */
function failingWith(makeWorld: MakeWorld, error: Error): Promise<World> {
  const validator: TokenValidator = {
    issuers: ['https://issuer.example'],
    warmUp: () => Promise.resolve(),
    validate: () => Promise.reject(error),
    verifyAccessToken: () => Promise.reject(error),
  }
  return makeWorld({
    mounted: [{ path: '/mcp', auth: authFrom(files, validator, { observer: {}, allowedOrigins: [APP] }) }],
  })
}

export const refusals: readonly Behavior[] = [
  ...requests.map(
    ({ name, options, tool = 'whoami', ...expected }): Behavior => ({
      name,
      async run(makeWorld) {
        const world = await makeWorld()
        const { headers, ...others } = typeof options === 'function' ? await options(world) : options
        const received = await world.post(callTool(tool), { ...others, headers: { origin: APP, ...headers } })
        expectRefusal(received, expected)
        expect(received.headers['cache-control']).toBe('no-store')
        expect(world.seen).toEqual([])
      },
    }),
  ),
  {
    name: 'answers 503 with Retry-After and no challenge while the provider is away, and serves again afterwards',
    async run(makeWorld) {
      let now = Date.now()
      const { issuer, post } = await makeWorld({ now: () => now })
      expect((await post(callTool('whoami'))).status).toBe(200)
      issuer.goDown()
      const token = await issuer.token({ scopes: ['files:read'] })
      const received = await post(callTool('whoami'), { token })
      expectRefusal(received, { status: 503, error: 'temporarily_unavailable' })
      expect(Number(received.headers['retry-after'])).toBeGreaterThan(0)
      issuer.comeBack()
      now += 60_000
      expect((await post(callTool('whoami'), { token })).status).toBe(200)
    },
  },
  {
    name: 'answers 500 without a challenge when the provider rejects our own credentials',
    async run(makeWorld) {
      const endpoint = 'https://issuer.example/introspect'
      const error = new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status: 401 })
      const { post } = await failingWith(makeWorld, error)
      expectRefusal(await post(callTool('whoami'), { token: 'abc' }), { status: 500, error: 'server_error' })
    },
  },
  {
    name: 'answers 500 without detail to a bug in a validator',
    async run(makeWorld) {
      const { post, seen } = await failingWith(makeWorld, new TypeError('secret detail'))
      const received = await post(callTool('whoami'), { token: 'abc' })
      expectRefusal(received, { status: 500, error: 'server_error' })
      expect(received.text).not.toContain('secret detail')
      expect(seen).toEqual([])
    },
  },
  ...['GET', 'DELETE'].map(
    (method): Behavior => ({
      name: `sends a bare 401 challenge to a ${method} without credentials`,
      async run(makeWorld) {
        const { send } = await makeWorld()
        expectRefusal(await send({ method }), bare)
      },
    }),
  ),
  {
    name: 'sends the challenge without a body to a HEAD without credentials',
    async run(makeWorld) {
      const { status, headers, text } = await (await makeWorld()).send({ method: 'HEAD' })
      expect([status, text]).toEqual([401, ''])
      expect(headers['www-authenticate']).toContain('resource_metadata=')
    },
  },
]
