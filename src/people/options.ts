import { z } from 'zod'
import { claimPath, textListNonEmpty } from '../adapter-options.ts'
import { optionalScopeGrants, principalList } from './grants.ts'
import type { Principals } from './people.ts'

/**
 * Options of adapters whose tokens say something about people: who may use the server, and which scopes they have there.
 *
 * @param principals - What the rules may call people by.
 * @param wireScopes - What clients request where grants say who has which scopes, in words.
 */
export function peopleOptions({ pattern, hint }: Principals, wireScopes = 'openid') {
  return z.strictObject({
    allow: principalList(pattern, hint)
      .default([])
      .describe(`Who may use the server, besides having a good token: everyone, ${hint}. Default: everyone.`),
    grants: optionalScopeGrants(pattern, hint)
      .default([])
      .describe(
        'Who has which scopes of this server. When given, the scopes of tokens count for nothing, and clients request wireScopes. Default: the scopes of the token.',
      ),
    groupsClaim: claimPath.default('groups').describe('Claim with the groups of a person, for group: in the rules.'),
    rolesClaim: claimPath.default('roles').describe('Claim with the roles of a person, for role: in the rules.'),
    wireScopes: textListNonEmpty
      .optional()
      .describe(`What clients request where grants say who has which scopes. Default: ${wireScopes}.`),
  })
}
