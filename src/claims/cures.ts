import type { TokenReason } from '../reasons.ts'
import { type ClaimOptions, LOGIN_NAME } from './options.ts'

/**
 * Adds the settings that may help to a refusal that claims caused; `undefined` for other reasons.
 *
 * @param prefix - Of the adapter's environment variables: `OIDC`.
 */
export function claimReason(reason: TokenReason, options: ClaimOptions, prefix: string): TokenReason | undefined {
  switch (reason.kind) {
    case 'subject_missing':
      return { ...reason, cure: subjectCure(reason, options, prefix) }
    case 'claim_missing':
      return reason.claim === 'client_id' ? { ...reason, cure: clientCure(options, prefix) } : undefined
    case 'maybe_id_token':
      return { ...reason, cure: MAYBE_ID_TOKEN_CURE }
    case 'id_token':
      return { ...reason, cure: idTokenCure(reason.detail, prefix) }
    case 'type_mismatch':
      return reason.actual === '(no token_type)' ? { ...reason, cure: unmarkedCure(prefix) } : undefined
    default:
      return undefined
  }
}

const MAYBE_ID_TOKEN_CURE =
  'have clients request a token for this server, and send the access token; if the provider cannot name this server in aud, name in accessTokenClaims a claim that its access tokens have and its ID tokens do not'

function idTokenCure(detail: string, prefix: string): string {
  const cure = 'have the client send the access token of the same response'
  if (!detail.endsWith('carries nonce')) return cure
  return `${cure}; if it did, the provider (Keycloak before 25, authentik) copies nonce into access tokens: turn that off there. dangerouslyAllowIdTokenMarks (${prefix}_DANGEROUSLY_ALLOW_ID_TOKEN_MARKS) stops looking at nonce, and then ID tokens with it pass`
}

function unmarkedCure(prefix: string): string {
  return `have the client send the access token, not the refresh token; if it did, the provider names token_type for some access tokens only: set requireTokenType (${prefix}_REQUIRE_TOKEN_TYPE) to false, and refresh tokens pass where it answers for those`
}

function clientCure({ clientIdClaim }: ClaimOptions, prefix: string): string {
  return clientIdClaim === undefined
    ? `set clientIdClaim (${prefix}_CLIENT_ID_CLAIM) to the claim that holds the client id, or have the provider add client_id`
    : `have the provider add ${clientIdClaim}, or set clientIdClaim (${prefix}_CLIENT_ID_CLAIM) to the claim that holds the client id`
}

function subjectCure(
  { personalClaim }: Extract<TokenReason, { kind: 'subject_missing' }>,
  { subjectClaim, tokensWithoutSubject }: ClaimOptions,
  prefix: string,
): string {
  const cures = [`have the provider include ${subjectClaim}`]
  if (personalClaim === 'sub') {
    cures.push(`set subjectClaim (${prefix}_SUBJECT_CLAIM) to sub, if that is an immutable id`)
  }
  if (personalClaim === LOGIN_NAME) {
    cures.push(
      `set subjectClaim (${prefix}_SUBJECT_CLAIM) to username, if the provider never changes a user name and never gives one to somebody else`,
    )
  }
  if (personalClaim === undefined && tokensWithoutSubject === 'refuse') {
    cures.push(
      `set tokensWithoutSubject (${prefix}_TOKENS_WITHOUT_SUBJECT) to client, if the provider leaves ${subjectClaim} out for machines only`,
    )
  }
  return cures.join('; or ')
}
