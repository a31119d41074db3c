import { type ClaimMapping, type ClaimRules, type Claims, scopesFrom } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError, type TokenReason } from '../../src/errors.ts'

/** Where the console has them. */
export const AUTHORIZATION_SERVERS = 'Admin Console > Security > API > Authorization Servers'

/** Claims of both kinds of tokens, and members of introspection answers. */
export const mapping: ClaimMapping & Pick<ClaimRules, 'subjectClaim'> = {
  subjectClaim: 'uid',
  subject: claims =>
    claims.uid ?? (isAgentToken(claims) ? claims.sub : isService(claims) ? clientOf(claims) : undefined),
  clientId: clientOf,
  // Okta's own sample of an agent token joins its scopes by plus signs.
  scopes: claims =>
    isAgentToken(claims) && typeof claims.scope === 'string'
      ? claims.scope.split(/[ +]/).filter(Boolean)
      : scopesFrom(claims, ['scp', 'scope']),
  principalType: claims => (isService(claims) ? 'service' : 'user'),
}

function clientOf({ cid, client_id, act }: Claims): unknown {
  return cid ?? client_id ?? (act as { sub?: unknown } | undefined)?.sub
}

function isAgentToken({ act, sub_profile, delegated_through }: Claims): boolean {
  return act !== undefined || sub_profile !== undefined || delegated_through !== undefined
}

/**
 * Client credentials: neither a user's id, nor the time of a sign-in, nor a login name in an introspection answer. `sub`, whatever
 * it was customised to, is in every token of Okta: one without it proves nothing.
 */
function isService(claims: Claims): boolean {
  const { sub, uid, auth_time, username } = claims
  const isPerson = uid !== undefined || auth_time !== undefined || username !== undefined
  return typeof sub === 'string' && sub !== '' && !isPerson && !isAgentToken(claims)
}

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
