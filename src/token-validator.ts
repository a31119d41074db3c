/**
 * What an accepted access token says, in one shape for every provider. Frozen; safe to share between requests.
 *
 * The key of an identity is `(issuer, subject)`. `subject` is the provider's immutable id, never an e-mail address or a
 * login name: those are reassigned.
 */
export interface ValidatedToken {
  /** Issuer that vouches for the token (`iss`), byte for byte as its metadata spells it. */
  readonly issuer: string
  /** Immutable id of the user or service at the issuer. */
  readonly subject: string
  /** OAuth client that the token was issued to (RFC 9068 §2.2 `client_id`). */
  readonly clientId: string
  /** Granted scopes in the token's spelling, without duplicates. Empty when the token carries none. */
  readonly scopes: readonly string[]
  /** Every `aud` value. Empty only where the provider has no audience and the binding is an allow-list of clients. */
  readonly audience: readonly string[]
  /** Seconds since the Unix epoch. For a token without expiry: the end of its time in the cache. */
  readonly expiresAt: number
  /** `service` when no person stands behind the token (client credentials). */
  readonly principalType: 'user' | 'service'
  /** Tenant or organisation, where the provider has them (Entra `tid`, Auth0 `org_id`). */
  readonly tenant?: string
  /** The key that the token is bound to; absent for a plain bearer token. Whoever sees it must have seen a proof as well. */
  readonly confirmation?: Confirmation
  /** All claims or introspection members, as the provider sent them. Untrusted beyond the checks made here. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** What a token is bound to (RFC 7800 `cnf`), where it is a key whose possession is proven by DPoP. */
export interface Confirmation {
  /** SHA-256 thumbprint of the public key, base64url (RFC 9449 §6.1, RFC 7638). */
  readonly jkt: string
}

/** Who sent a token. A `RequestHead` is one. */
export interface TokenSender {
  /** Address of the client, IPv4 or IPv6. Read only if the provider has to be asked. `undefined`: not known. */
  readonly address?: string | undefined
}

/** How a token was presented: as a bearer token (RFC 6750), or with a proof of possession (RFC 9449 §7.1). */
export type PresentationScheme = 'Bearer' | 'DPoP'

/**
 * What the MCP SDKs hand to tools about a token. Structurally that of `AuthInfo` of `@modelcontextprotocol/sdk` 1.x and of
 * `@modelcontextprotocol/server` 2.x, so that this file needs neither.
 */
export interface AuthInfo {
  /** Empty on every edge of this package. Only {@link TokenValidator.verifyAccessToken} sets it, as the SDKs ask for it. */
  token: string
  clientId: string
  scopes: string[]
  /** Seconds since the Unix epoch. */
  expiresAt: number
  /** The `resource` (RFC 8707) that the token was accepted for. */
  resource: URL
  /**
   * `token` is the {@link ValidatedToken}. `identity` is the issuer and subject under which the things of the person are kept: those
   * of the token, or of the oldest identity that is linked with it (`AUTH_LINKS`).
   */
  extra: {
    token: ValidatedToken
    identity?: { readonly issuer: string; readonly subject: string }
    [name: string]: unknown
  }
}

/** Metadata of an authorization server (RFC 8414 §2), members as on the wire. */
export type ServerMetadata = Readonly<Record<string, unknown>> & { readonly issuer: string }

/**
 * The one interface that an MCP server depends on. It decides whether an access token is good for this server; which
 * identity provider stands behind it is a matter of configuration.
 *
 * Scopes are not checked here: the operation knows what it needs, the token does not.
 */
export interface TokenValidator {
  /** Issuers this validator answers for; the `iss` of a token selects among several validators. Published to clients. */
  readonly issuers: readonly string[]

  /**
   * Whether tokens of this issuer come here. For issuers that no list can spell out, or that clients should not see (Entra's
   * v1 spelling). Default: those of {@link issuers}.
   */
  answersFor?(issuer: string): boolean

  /**
   * Metadata of the authorization server (RFC 8414 §2) as it was fetched, of the first one where there are several. Absent where
   * the provider publishes none.
   *
   * @throws As {@link warmUp} does when it cannot be had.
   */
  serverMetadata?(): Promise<ServerMetadata | undefined>

  /**
   * Fetches discovery documents and keys ahead of the first request. Resolves when the validator could answer now.
   *
   * @throws {ValidatorUnavailableError} The provider cannot be reached. Calling again later is fine.
   * @throws {MisconfigurationError} The provider answers, and says that our settings are wrong.
   */
  warmUp(): Promise<void>

  /**
   * Makes the whole decision about one token: signature or introspection, issuer, audience, lifetime, kind.
   *
   * @param token - Raw access token, without the `Bearer` prefix.
   * @param connection - What the token came over, where several tokens may come over the same. A hint: a validator may
   *   recognise the token that it saw last on it, and may do without.
   * @param scheme - How the token was presented. With `DPoP` the caller checks the proof against `confirmation` and refuses a
   *   token without one. Default: `Bearer`, and then a token that is bound to a key is refused.
   * @param sender - Who sent the token. Where the provider has to be asked about every new token, senders take turns, so that a
   *   flood of made-up tokens from one address does not hold up the others. Default: one of those without an address, who
   *   share one turn.
   * @throws {InvalidTokenError} The token is not good for this server; `reason` says why.
   * @throws {ValidatorUnavailableError} The provider could not be asked. Says nothing about the token.
   * @throws {MisconfigurationError} The provider refuses this server's own credentials or settings.
   */
  validate(
    token: string,
    connection?: object,
    scheme?: PresentationScheme,
    sender?: TokenSender,
  ): Promise<ValidatedToken>

  /**
   * The same decision for `requireBearerAuth` of the MCP SDKs (`OAuthTokenVerifier`): a validator can be handed to it as
   * it is. Errors are those of {@link validate}, in a form that the SDKs recognise.
   */
  verifyAccessToken(token: string): Promise<AuthInfo>
}
