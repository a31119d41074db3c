import type { TokenReason } from '../reasons.ts'
import { type ClaimOptions, LOGIN_NAME } from './options.ts'

/** The environment variable that sets an option; `undefined` where the configuration has none for it. */
export type VariableOf = (option: string) => string | undefined

/** An option as a person sets it: with its variable, or in a file. */
export function settingNamed(option: string, variables: string | VariableOf): string {
  const variable = typeof variables === 'string' ? variableWith(variables, option) : variables(option)
  return `${option} (${variable ?? 'in a file of your own, AUTH_CONFIG'})`
}

const variableWith = (prefix: string, option: string) =>
  `${prefix}_${option.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`

/**
 * Adds the settings that may help to a refusal that claims caused; `undefined` for other reasons.
 *
 * @param variables - The variable of each option, or the prefix of the adapter's variables: `OIDC`.
 */
export function claimReason(
  reason: TokenReason,
  options: ClaimOptions,
  variables: string | VariableOf,
): TokenReason | undefined {
  const setting = (option: string) => settingNamed(option, variables)
  switch (reason.kind) {
    case 'subject_missing':
      return { ...reason, cure: subjectCure(reason, options, setting) }
    case 'claim_missing':
      return reason.claim === 'client_id' ? { ...reason, cure: clientCure(options, setting) } : undefined
    case 'maybe_id_token':
      return { ...reason, cure: MAYBE_ID_TOKEN_CURE }
    case 'id_token':
      return { ...reason, cure: idTokenCure(reason.detail, setting) }
    case 'type_mismatch':
      return reason.actual === '(no token_type)' ? { ...reason, cure: unmarkedCure(setting) } : undefined
    default:
      return undefined
  }
}

type Setting = (option: string) => string

const MAYBE_ID_TOKEN_CURE =
  'have clients request a token for this server, and send the access token; if the provider cannot name this server in aud, name in accessTokenClaims a claim that its access tokens have and its ID tokens do not'

function idTokenCure(detail: string, setting: Setting): string {
  const cure = 'have the client send the access token of the same response'
  if (!detail.endsWith('carries nonce')) return cure
  return `${cure}; if it did, the provider (Keycloak before 25, authentik) copies nonce into access tokens: turn that off there. ${setting('dangerouslyAllowIdTokenMarks')} stops looking at nonce, and then ID tokens with it pass`
}

function unmarkedCure(setting: Setting): string {
  return `have the client send the access token, not the refresh token; if it did, the provider names token_type for no access tokens, or for some only: set ${setting('requireTokenType')} to false, and refresh tokens pass where it answers for those`
}

function clientCure({ clientIdClaim }: ClaimOptions, setting: Setting): string {
  return clientIdClaim === undefined
    ? `set ${setting('clientIdClaim')} to the claim that holds the client id, or have the provider add client_id`
    : `have the provider add ${clientIdClaim}, or set ${setting('clientIdClaim')} to the claim that holds the client id`
}

function subjectCure(
  { personalClaim }: Extract<TokenReason, { kind: 'subject_missing' }>,
  { subjectClaim, tokensWithoutSubject }: ClaimOptions,
  setting: Setting,
): string {
  const cures = [`have the provider include ${subjectClaim}`]
  if (personalClaim === 'sub') {
    cures.push(`set ${setting('subjectClaim')} to sub, if that is an immutable id`)
  }
  if (personalClaim === LOGIN_NAME) {
    cures.push(
      `set ${setting('subjectClaim')} to username, if the provider never changes a user name and never gives one to somebody else`,
    )
  }
  if (personalClaim === undefined && tokensWithoutSubject === 'refuse') {
    cures.push(
      `set ${setting('tokensWithoutSubject')} to client, if the provider leaves ${subjectClaim} out for machines only`,
    )
  }
  return cures.join('; or ')
}
