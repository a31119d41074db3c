/** What an emulated provider answers, or signs. `refresh` is the token answer to a refresh, whose rules differ from the first one's. */
export type DocumentName =
  | 'discovery'
  | 'jwks'
  | 'token'
  | 'refresh'
  | 'id_token'
  | 'userinfo'
  | 'introspection'
  | 'tokeninfo'
  | 'github_check'
  | 'github_user'

/** A member that a provider may leave out, as `document.member`: `token.scope`. In `jwks`, a member of every key. */
export type OptionalMember = `${DocumentName}.${string}`

/** By document: which members are optional, and where that is said. */
const OPTIONAL: Readonly<Record<DocumentName, Readonly<Record<string, readonly string[]>>>> = {
  discovery: {
    'OpenID Connect Discovery 1.0 §3': [
      'userinfo_endpoint',
      'registration_endpoint',
      'scopes_supported',
      'response_modes_supported',
      'grant_types_supported',
      'token_endpoint_auth_methods_supported',
      'claims_supported',
      'request_parameter_supported',
      'request_uri_parameter_supported',
    ],
    'RFC 8414 §2': [
      'revocation_endpoint',
      'introspection_endpoint',
      'introspection_endpoint_auth_methods_supported',
      'code_challenge_methods_supported',
    ],
    'RFC 8628 §4': ['device_authorization_endpoint'],
    'RFC 9207 §3': ['authorization_response_iss_parameter_supported'],
    'OpenID Connect RP-Initiated Logout 1.0 §2.1': ['end_session_endpoint'],
  },
  jwks: {
    'RFC 7517 §4': ['use', 'alg', 'x5c', 'x5t'],
    // Of Entra's own keys, and absent in its v1 sets: learn.microsoft.com/en-us/entra/identity-platform/access-tokens, 2025.
    'Microsoft identity platform, signing keys': ['issuer'],
  },
  token: {
    'RFC 6749 §5.1': ['expires_in', 'scope', 'refresh_token'],
    'Microsoft identity platform, authorization code flow': ['ext_expires_in'],
    'GitHub Docs, Refreshing user access tokens': ['refresh_token_expires_in'],
  },
  refresh: {
    'RFC 6749 §5.1': ['expires_in', 'scope'],
    'RFC 6749 §6': ['refresh_token'],
    'OpenID Connect Core 1.0 §12.2': ['id_token'],
  },
  id_token: {
    'OpenID Connect Core 1.0 §2': ['auth_time', 'acr', 'amr', 'azp'],
    'OpenID Connect Core 1.0 §3.1.3.6': ['at_hash'],
    'OpenID Connect Core 1.0 §5.1': [
      'name',
      'nickname',
      'preferred_username',
      'picture',
      'updated_at',
      'email',
      'email_verified',
    ],
    'OpenID Connect Core 1.0 §5.1.2': ['groups', 'roles', 'hd', 'ver', 'idp', 'sid', 'jti', 'aio', 'rh', 'uti'],
  },
  userinfo: {
    'OpenID Connect Core 1.0 §5.3.2': [
      'name',
      'nickname',
      'preferred_username',
      'email',
      'email_verified',
      'groups',
      'roles',
      'hd',
    ],
  },
  introspection: {
    'RFC 7662 §2.2': ['scope', 'client_id', 'username', 'token_type', 'exp', 'iat', 'nbf', 'sub', 'aud', 'iss', 'jti'],
    'RFC 7662 §2.2, extensions': ['uid'],
  },
  tokeninfo: {
    // Present only where a scope for it was granted, or the flow says it: developers.google.com/identity/protocols/oauth2, 2026.
    'Google, tokeninfo endpoint': ['sub', 'email', 'email_verified', 'access_type', 'expires_in', 'azp'],
  },
  github_check: {
    // The schema "authorization": docs.github.com/en/rest/apps/oauth-applications, 2026.
    'GitHub REST API, POST /applications/{client_id}/token': ['user', 'installation'],
  },
  github_user: {
    // The schema "simple-user": name and email may be null or absent.
    'GitHub REST API, GET /user': ['name', 'email', 'type', 'url'],
  },
}

/** Every optional member, with the section that says so. */
export const optionalMembers: ReadonlyMap<OptionalMember, string> = new Map(
  Object.entries(OPTIONAL).flatMap(([document, bySection]) =>
    Object.entries(bySection).flatMap(([section, members]) =>
      members.map(member => [`${document as DocumentName}.${member}` as const, section] as const),
    ),
  ),
)
