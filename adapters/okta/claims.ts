import { isThere } from '../../src/absent.ts'
import { type ClaimMapping, type ClaimRules, type Claims, scopesFrom } from '../../src/engines/claim-judge.ts'

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
  return cid ?? client_id ?? (act as { sub?: unknown } | null | undefined)?.sub
}

export function isAgentToken({ act, sub_profile, delegated_through }: Claims): boolean {
  return isThere(act) || isThere(sub_profile) || isThere(delegated_through)
}

/**
 * Client credentials: neither a user's id, nor the time of a sign-in, nor a login name in an introspection answer. `sub`, whatever
 * it was customised to, is in every token of Okta: one without it proves nothing.
 */
function isService(claims: Claims): boolean {
  const { sub, uid, auth_time, username } = claims
  const isPerson = isThere(uid) || isThere(auth_time) || isThere(username)
  return typeof sub === 'string' && sub !== '' && !isPerson && !isAgentToken(claims)
}
