import type { Claims } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { isAgentToken } from './claims.ts'

/** Where the console has them. */
export const AUTHORIZATION_SERVERS = 'Admin Console > Security > API > Authorization Servers'

export function refuseOtherKinds(claims: Claims, agentTokens: boolean): void {
  if (typeof claims.jti === 'string' && claims.jti.startsWith('ID.')) {
    throw new InvalidTokenError({ kind: 'id_token', detail: 'jti begins with ID.' })
  }
  if (agentTokens || !isAgentToken(claims)) return
  throw new InvalidTokenError({
    kind: 'okta.agent_token',
    detail: 'an AI agent got the token by token exchange and acts for somebody else',
    cure: 'set agentTokens (OKTA_AGENT_TOKENS) to true if agents may use this server',
  })
}

export function explain(reason: TokenReason, issuer: string, org: string): TokenReason | undefined {
  if (reason.kind === 'issuer_mismatch' && reason.actual === org && issuer !== org) {
    return {
      kind: 'okta.org_token',
      detail: `the token is of the org authorization server ${org}, which issues none for this server`,
      cure: `have clients sign in at ${issuer}, as the metadata of this server says`,
    }
  }
  if (reason.kind === 'subject_missing') {
    const cure = `leave uid and sub in the access tokens of ${issuer} (${AUTHORIZATION_SERVERS} > Claims)`
    return { ...reason, cure }
  }
  if ((reason.kind === 'audience_mismatch' || reason.kind === 'audience_missing') && issuer !== org) {
    const actual = 'actual' in reason ? reason.actual.join(', ') : 'absent'
    return {
      kind: 'okta.audience_mismatch',
      detail: `aud is ${actual}; expected ${reason.expected.join(' or ')}`,
      cure: `${AUTHORIZATION_SERVERS} > ${issuer} > Settings: set Audience to ${reason.expected[0]}, or set audience (OKTA_AUDIENCE) to what stands there`,
    }
  }
  return undefined
}
