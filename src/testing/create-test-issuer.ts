import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { z } from 'zod'
import { type Adapter, defineAdapter } from '../adapter.ts'
import { providerOptions } from '../adapter-options.ts'
import { createJwtValidator } from '../engines/jwt.ts'
import { resourceSpellings } from '../resource.ts'

/** What differs from a valid token. */
export interface TestTokenChanges {
  /** Default: none. */
  readonly scopes?: readonly string[]
  /** Default `ada`. */
  readonly subject?: string
  /** Default: the resource of the auth that was created with the issuer. `null`: the token has none. */
  readonly audience?: string | readonly string[] | null
  /** Negative for a token that has expired. Default 3,600. */
  readonly expiresInSeconds?: number
  /** Default `test-client`; with the same `subject` it is a machine's own token. */
  readonly clientId?: string
  /** Further claims. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** An issuer for tests: no emulator, no HTTP, no test runner. */
export interface TestIssuer {
  readonly issuer: string
  /** For `createAuth(declaration, { env: {}, providers: [issuer.provider] })`. */
  readonly provider: { readonly adapter: Adapter; readonly options: Readonly<Record<string, unknown>> }
  /**
   * An access token (RFC 9068), valid except for what the options change.
   *
   * @throws {TypeError} There is no resource yet to issue it for: create the auth first, or pass a resource or an audience.
   */
  token(changes?: TestTokenChanges): Promise<string>
  /** From now on every call to the issuer fails. Requests with tokens made from now on get 503, as in an outage of a provider. */
  goDown(): void
  /** Calls succeed again. As with a real provider, the next one is made after the back-off: some seconds of {@link TestIssuerOptions.now}. */
  comeBack(): void
}

export interface TestIssuerOptions {
  /** Audience of the tokens. Default: the resource of the auth that was created with the issuer. */
  readonly resource?: string
  /** Milliseconds since the Unix epoch; give `createAuth` the same. Default: `Date.now`. */
  readonly now?: () => number
}

interface Keys {
  readonly keyId: string
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
  readonly published: object
}

let count = 0

/** Issues tokens for the tests of a server, and acts as the provider that the server accepts them from. */
export function createTestIssuer({ resource, now = Date.now }: TestIssuerOptions = {}): TestIssuer {
  const issuer = `https://test-issuer-${++count}.example`
  let known = resource
  let isDown = false
  const published: object[] = []
  let current: Promise<Keys> | undefined

  async function makeKeys(): Promise<Keys> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const keyId = crypto.randomUUID()
    return { keyId, privateKey, published: { ...(await exportJWK(publicKey)), kid: keyId, alg: 'ES256', use: 'sig' } }
  }

  async function keys(): Promise<Keys> {
    current ??= makeKeys().then(made => {
      published.push(made.published)
      return made
    })
    return current
  }

  const fetch: typeof globalThis.fetch = async input => {
    if (isDown) throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    const { pathname } = new URL(input instanceof Request ? input.url : input)
    await keys()
    if (pathname === '/jwks') return Response.json({ keys: published })
    const isMetadata = pathname === '/.well-known/oauth-authorization-server'
    return isMetadata ? Response.json(metadataOf(issuer)) : new Response('Not Found', { status: 404 })
  }

  const adapter = defineAdapter({
    name: 'test-issuer',
    title: 'The issuer for tests',
    options: providerOptions.extend({ adapter: z.literal('test-issuer') }),
    create(_options, context) {
      known ??= context.resource
      const audience = { audience: resourceSpellings(context) }
      // Without a cool-down, so that a key made in an outage is looked for at once.
      const keys = { cooldownSeconds: 0 }
      const rules = { issuer, audience, types: ['at+jwt'], algorithms: ['ES256'], keys } as const
      return createJwtValidator(rules, { ...context, fetch })
    },
  })

  return {
    issuer,
    provider: { adapter, options: { metadataUrl: issuer } },
    async token(changes = {}) {
      const { scopes = [], subject = 'ada', clientId = 'test-client', expiresInSeconds = 3_600, claims = {} } = changes
      const audience = changes.audience === undefined ? known : changes.audience
      if (audience === undefined) {
        throw new TypeError('for whom is the token? Make the auth first, or name resource or audience')
      }
      const { keyId, privateKey } = await keys()
      const seconds = Math.floor(now() / 1000)
      return new SignJWT({
        iss: issuer,
        sub: subject,
        ...(audience !== null && { aud: typeof audience === 'string' ? audience : [...audience] }),
        client_id: clientId,
        scope: scopes.join(' '),
        iat: seconds + Math.min(0, expiresInSeconds),
        exp: seconds + expiresInSeconds,
        jti: crypto.randomUUID(),
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: keyId })
        .sign(privateKey)
    },
    goDown() {
      isDown = true
      // A key that nobody has fetched yet: with one that is known, tokens are good without asking anybody.
      current = undefined
    },
    comeBack() {
      isDown = false
    },
  }
}

function metadataOf(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
  }
}
