import type { RequestHead } from '../auth.ts'
import { InvalidTokenError, MissingTokenError } from '../errors.ts'
import type { PresentationScheme, TokenSender, TokenValidator, ValidatedToken } from '../token-validator.ts'
import {
  type CredentialSource,
  gatewayToken,
  hasNoCredentials,
  isDpopScheme,
  presentedKey,
  presentedToken,
} from './credentials.ts'
import type { ProofCheck } from './dpop.ts'

export interface AuthenticatorOptions {
  validator: TokenValidator
  /** Checks proofs of possession (RFC 9449). Default: tokens that are bound to a key are refused. */
  dpop?: ProofCheck
  /** Whether an API key may stand in `X-API-Key`, instead of a token in `Authorization`. Default: `false`. */
  acceptsApiKeys?: boolean
  /** Who sent a request. Default: who the request says itself. */
  senderOf?: (head: RequestHead) => TokenSender
  /** Name of the header in which a gateway in front of this server puts the token, instead of `Authorization`. Default: none. */
  tokenHeader?: string
  /** Told how many seconds a validation took, cached or not, whatever came of it. Must not throw. */
  onValidation?: (seconds: number) => void
}

/** Whose request it is, with the raw token. That one stays with the caller of {@link Authenticator}, who may validate it again. */
export interface Authenticated {
  readonly token: ValidatedToken
  readonly raw: string
  readonly scheme: PresentationScheme
  readonly sender: TokenSender
}

/**
 * Decides about the credentials of a request. Reads headers only.
 *
 * @throws What `presentedToken`, `validator.validate` and `dpop.check` throw. Always as a rejection.
 */
export type Authenticator = (head: RequestHead) => Promise<Authenticated>

const NONE: readonly string[] = []

export function createAuthenticator({
  validator,
  dpop,
  acceptsApiKeys,
  senderOf = head => head,
  tokenHeader,
  onValidation,
}: AuthenticatorOptions): Authenticator {
  function validate(
    raw: string,
    connection: object | undefined,
    scheme: PresentationScheme,
    sender: TokenSender,
  ): Promise<ValidatedToken> {
    if (!onValidation) return validator.validate(raw, connection, scheme, sender)
    const startedAt = performance.now()
    return validator
      .validate(raw, connection, scheme, sender)
      .finally(() => onValidation((performance.now() - startedAt) / 1000))
  }

  async function authenticateBound(head: RequestHead, source: CredentialSource, proofs: ProofCheck) {
    const raw = presentedToken(source, 'DPoP')
    const sender = senderOf(head)
    const token = await validate(raw, head.connection, 'DPoP', sender)
    const [proof] = head.header('dpop')
    await proofs.check({ proof, method: head.method, token: raw, confirmation: token.confirmation })
    return { token, raw, scheme: 'DPoP', sender } as const
  }

  async function authenticateKey(head: RequestHead, source: CredentialSource, keys: readonly string[]) {
    const raw = presentedKey(source, keys)
    if (dpop?.required) throw new InvalidTokenError({ kind: 'not_sender_constrained' })
    const sender = senderOf(head)
    return { token: await validate(raw, head.connection, 'Bearer', sender), raw, scheme: 'Bearer', sender } as const
  }

  async function authenticateAtGateway(head: RequestHead, header: string) {
    const raw = gatewayToken(head.header(header))
    const sender = senderOf(head)
    return { token: await validate(raw, head.connection, 'Bearer', sender), raw, scheme: 'Bearer', sender } as const
  }

  // Most refusals are this one. Made once: to throw one for each request costs an eighth of the answer.
  const withoutCredentials = Promise.reject<Authenticated>(new MissingTokenError())
  withoutCredentials.catch(() => {})

  return head => {
    const { length: authorizationCount, 0: authorization } = head.header('authorization')
    const source = { authorization, authorizationCount, url: head.url }
    const apiKeys = acceptsApiKeys ? head.header('x-api-key') : NONE
    if (apiKeys.length > 0) return authenticateKey(head, source, apiKeys)
    if (tokenHeader) return authenticateAtGateway(head, tokenHeader)
    if (hasNoCredentials(source)) return withoutCredentials
    if (dpop && isDpopScheme(authorization)) return authenticateBound(head, source, dpop)
    try {
      const raw = presentedToken(source, 'Bearer')
      if (dpop?.required) throw new InvalidTokenError({ kind: 'not_sender_constrained' })
      const sender = senderOf(head)
      return validate(raw, head.connection, 'Bearer', sender).then(token => ({ token, raw, scheme: 'Bearer', sender }))
    } catch (error) {
      return Promise.reject(error)
    }
  }
}
