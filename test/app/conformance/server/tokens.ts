import { compactVerify, decodeProtectedHeader } from 'jose'
import { createKeys, UNAVAILABLE } from './keys.ts'
import { isRefusal, type Refusal } from './message.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface Trust {
  readonly issuer: string
  readonly jwksUri: string
  readonly introspectionEndpoint: string
  readonly client: { readonly id: string; readonly secret: string }
}

/** What the server checks of a token, one question each, so that a defect can be planted in a single one. */
export interface TokenParts {
  readonly trust: Trust
  readonly resource: string
  /** Claims of the token, once it is known to come from the issuer. */
  read(this: TokenParts, token: string): Promise<Claims | Refusal>
  typeIsGood(typ: unknown): boolean
  issuerIsGood(iss: unknown): boolean
  audienceIsGood(aud: unknown): boolean
  timesAreGood(claims: Claims): boolean
  subjectOf(claims: Claims): string | undefined
}

const INTROSPECTION_SECONDS = 1

const bad = (description: string): Refusal => ({ status: 401, error: 'invalid_token', description })

export interface Caller {
  readonly subject: string
  readonly scopes: readonly string[]
  readonly expiresAt: number
  /** Thumbprint of the key that the token is bound to. */
  readonly thumbprint: string | undefined
  readonly token: string
}

/** Asks every question, in an order that says least to strangers. */
export async function validate(parts: TokenParts, token: string): Promise<Caller | Refusal> {
  const claims = await parts.read(token)
  if (isRefusal(claims)) return claims
  if (!parts.issuerIsGood(claims.iss)) return bad('The token is of another issuer.')
  if (!parts.audienceIsGood(claims.aud)) return bad('The token is for another server.')
  if (!parts.timesAreGood(claims)) return bad('The token has expired, or is not valid yet.')
  const subject = parts.subjectOf(claims)
  if (subject === undefined) return bad('The token belongs to nobody.')
  return {
    subject,
    scopes: String(claims.scope ?? '').split(' '),
    expiresAt: Number(claims.exp ?? 0),
    thumbprint: (claims.cnf as { jkt?: string } | undefined)?.jkt,
    token,
  }
}

const common = (trust: Trust, resource: string) => ({
  trust,
  resource,
  issuerIsGood: (iss: unknown) => iss === trust.issuer,
  audienceIsGood: (aud: unknown) => [aud].flat().includes(resource),
  typeIsGood: (typ: unknown) => /^(application\/)?at\+jwt$/i.test(String(typ)),
  subjectOf: ({ sub }: Claims) => (typeof sub === 'string' && sub !== '' ? sub : undefined),
})

/** Tokens are JWTs, verified with the issuer's keys. */
export function jwtParts(trust: Trust, resource: string): TokenParts {
  const keys = createKeys(trust.jwksUri)
  return {
    ...common(trust, resource),
    async read(token) {
      try {
        const header = decodeProtectedHeader(token)
        if (header.alg !== 'RS256') return bad('The token is signed in a way that is not accepted.')
        if (!this.typeIsGood(header.typ)) return bad('This is not an access token.')
        const key = await keys.find(header.kid)
        if (key === undefined) return bad('The token is signed with an unknown key.')
        if ('status' in key) return key
        const { payload } = await compactVerify(token, key, { algorithms: ['RS256'] })
        return JSON.parse(new TextDecoder().decode(payload))
      } catch {
        return bad('This is not a token of the issuer.')
      }
    },
    timesAreGood({ exp, nbf = 0 }) {
      const now = Date.now() / 1000
      return typeof exp === 'number' && exp > now && Number(nbf) <= now
    },
  }
}

/** Tokens are opaque, and the issuer is asked about each of them each time. */
export function introspectionParts(trust: Trust, resource: string): TokenParts {
  return {
    ...common(trust, resource),
    typeIsGood: type => /^(bearer|dpop)$/i.test(String(type)),
    async read(token) {
      try {
        const response = await introspect(trust, token)
        if (response.status === 401) return { status: 500, description: 'The server is not set up.' }
        if (!response.ok) return UNAVAILABLE
        const answer = (await response.json()) as Claims
        if (answer.active !== true) return bad('The token is not active.')
        return this.typeIsGood(answer.token_type) ? answer : bad('This is not an access token.')
      } catch {
        return UNAVAILABLE
      }
    },
    timesAreGood: ({ exp }) => exp === undefined || Number(exp) > Date.now() / 1000,
  }
}

export function introspect({ introspectionEndpoint, client }: Trust, token: string): Promise<Response> {
  return fetch(introspectionEndpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}` },
    body: new URLSearchParams({ token }),
    signal: AbortSignal.timeout(INTROSPECTION_SECONDS * 1000),
  })
}
