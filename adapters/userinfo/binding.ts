import { NAMELESS_AS_LISTED } from '../../src/claims/options.ts'
import { claimReader } from '../../src/claims/reader.ts'
import { type AudienceRule, type ClaimRules, type Claims, clientIdOf } from '../../src/engines/claim-judge.ts'

type NonEmpty = readonly [string, ...string[]]

export interface BindingOptions {
  readonly audience?: NonEmpty
  readonly clientIds?: NonEmpty
  readonly clientIdClaim?: string
  readonly defaultClientId?: string
  readonly dangerouslyAcceptTokensOfAnyClient: boolean
}

/** Client of tokens that are accepted whatever their client is, where no other name is configured. */
const ANY_CLIENT = 'any-client'

/** What ties a token to this server: UserInfo answers alike about the tokens of every app of the provider. */
export function bindingRules(options: BindingOptions): Pick<ClaimRules, 'clientId'> & { audience: AudienceRule } {
  const { audience, clientIds, clientIdClaim, defaultClientId } = options
  if (options.dangerouslyAcceptTokensOfAnyClient) {
    const name = defaultClientId ?? ANY_CLIENT
    return { audience: { clientIds: [name] }, clientId: () => name }
  }
  const read = clientIdClaim === undefined ? clientOf : claimReader(clientIdClaim)
  const clientId = (claims: Claims) => read(claims) ?? defaultClientId
  if (audience) return { audience: { audience, clientIds }, clientId }
  if (!clientIds) throw new TypeError('UserInfo needs clientIds, audience or dangerouslyAcceptTokensOfAnyClient')
  return { audience: { clientIds }, clientId }
}

/** In an answer of UserInfo `aud` is the client (OpenID Connect Core §5.3.2). Of several, none is known to be. */
function clientOf(claims: Claims): unknown {
  const { aud } = claims
  const [only, ...others] = Array.isArray(aud) ? aud : [aud]
  return clientIdOf(claims) ?? (others.length === 0 ? only : undefined)
}

/** What of the options leaves tokens without a binding, or contradicts it; see `Adapter.mistakes`. */
export function bindingMistakes(options: BindingOptions): { clientIds?: string; defaultClientId?: string } {
  const { audience, clientIds, defaultClientId } = options
  if (options.dangerouslyAcceptTokensOfAnyClient && (audience || clientIds)) {
    return { clientIds: 'and audience contradict dangerouslyAcceptTokensOfAnyClient: keep the binding alone' }
  }
  if (clientIds && defaultClientId !== undefined) {
    return { defaultClientId: NAMELESS_AS_LISTED }
  }
  return {}
}
