import { z } from 'zod'
import { claimPath, textListNonEmpty } from './adapter-options.ts'
import type { ValidatorContext } from './context.ts'
import { InvalidTokenError } from './errors.ts'
import { resourceSpellings } from './resource.ts'
import type { AudienceRule, ClaimRules, Claims } from './validators/claims.ts'

/** Options of adapters that know their provider only by configuration: what binds a token, and where its claims are. */
export const claimOptions = z.strictObject({
  audience: textListNonEmpty
    .nullable()
    .optional()
    .describe(
      'Accepted aud values. Default: the URL of this server. null where the provider has no audience; then clientIds is needed.',
    ),
  clientIds: textListNonEmpty.optional().describe('When given, only tokens issued to these clients are accepted.'),
  subjectClaim: claimPath
    .default('sub')
    .describe('Claim with the immutable id of the user or service; never an e-mail address or a login name.'),
  clientIdClaim: claimPath.optional().describe('Claim with the client id. Default: client_id, else azp.'),
  scopeClaims: textListNonEmpty
    .optional()
    .describe('Claims whose values count as scopes, all of them: scope, realm_access.roles. Default: scope, else scp.'),
  tenantClaim: claimPath.optional().describe('Claim with the tenant or organisation. Default: none.'),
  requiredClaims: z
    .record(claimPath, z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('Claims that must have this value, or be a list that holds it: { "token_use": "access" }.'),
})

export type ClaimOptions = z.output<typeof claimOptions>

/** Subjects that are given to somebody else one day, or that users choose themselves. */
const MUTABLE = [
  'email',
  'preferred_username',
  'username',
  'cognito:username',
  'upn',
  'unique_name',
  'name',
  'nickname',
]

/** What of the options cannot work; see `Adapter.mistakes`. */
export function claimMistakes({
  audience,
  clientIds,
  subjectClaim,
}: ClaimOptions): Partial<Record<keyof ClaimOptions, string>> {
  return {
    ...(audience === null && !clientIds
      ? { clientIds: 'is needed where audience is null: else the tokens of every client of the provider are accepted' }
      : {}),
    ...(MUTABLE.includes(subjectClaim)
      ? { subjectClaim: `must be an immutable id such as sub; ${subjectClaim} can pass to somebody else` }
      : {}),
  }
}

/** The options as rules for an engine. `check` compares `requiredClaims`. */
export function claimRules(
  options: ClaimOptions,
  context: Pick<ValidatorContext, 'resource'>,
): ClaimRules & { check(claims: Claims): void } {
  const { subjectClaim, clientIdClaim, scopeClaims, tenantClaim } = options
  const required = Object.entries(options.requiredClaims).map(([claim, expected]) => {
    return { claim, expected, read: claimReader(claim) }
  })
  return {
    audience: audienceRule(options, context),
    // Of an answer without `sub` the introspection engine takes the client.
    subject: subjectClaim === 'sub' ? undefined : claimReader(subjectClaim),
    clientId: clientIdClaim === undefined ? undefined : claimReader(clientIdClaim),
    scopes: scopeClaims && textsReader(scopeClaims),
    tenant: tenantClaim === undefined ? undefined : claimReader(tenantClaim),
    check(claims) {
      for (const { claim, expected, read } of required) {
        const actual = read(claims)
        if (actual === undefined || actual === null) throw new InvalidTokenError({ kind: 'claim_missing', claim })
        if (actual === expected || (Array.isArray(actual) && actual.includes(expected))) continue
        throw new InvalidTokenError({ kind: 'claim_invalid', claim, detail: `not ${expected}` })
      }
    },
  }
}

function audienceRule(
  { audience, clientIds }: ClaimOptions,
  { resource }: Pick<ValidatorContext, 'resource'>,
): AudienceRule {
  if (audience !== null) return { audience: audience ?? resourceSpellings(resource), clientIds }
  if (!clientIds) throw new TypeError('a provider without audience needs clientIds')
  return { clientIds }
}

type ClaimReader = (claims: Claims) => unknown

/**
 * Reads the claim at a path of own members: `realm_access.roles`. A name that holds dots itself is found as well, the longest
 * first: `https://example.com/roles`, `resource_access.my.app.roles`. The path is taken apart once, not for each token.
 */
function claimReader(path: string): ClaimReader {
  const own = (claims: Claims) => (Object.hasOwn(claims, path) ? claims[path] : undefined)
  const splits: { name: string; rest: string; read?: ClaimReader }[] = []
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    splits.push({ name: path.slice(0, end), rest: path.slice(end + 1) })
  }
  if (splits.length === 0) return own
  return claims => {
    const found = own(claims)
    if (found !== undefined) return found
    for (const split of splits) {
      const value = Object.hasOwn(claims, split.name) ? claims[split.name] : undefined
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
      split.read ??= claimReader(split.rest)
      const nested = split.read(value as Claims)
      if (nested !== undefined) return nested
    }
    return undefined
  }
}

/** Reads the texts at several paths: those of arrays, and of strings separated by spaces. */
function textsReader(paths: readonly string[]): (claims: Claims) => readonly string[] {
  const readers = paths.map(claim => ({ claim, read: claimReader(claim) }))
  return claims => {
    const texts: string[] = []
    for (const { claim, read } of readers) {
      const value = read(claims)
      if (value === undefined || value === null) continue
      if (typeof value === 'string') texts.push(...value.split(' ').filter(Boolean))
      else if (Array.isArray(value) && value.every(item => typeof item === 'string'))
        texts.push(...value.filter(Boolean))
      else
        throw new InvalidTokenError({
          kind: 'claim_invalid',
          claim,
          detail: 'neither a string nor an array of strings',
        })
    }
    return texts
  }
}
