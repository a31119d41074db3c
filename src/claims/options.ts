import { z } from 'zod'
import { isAbsent } from '../absent.ts'
import { claimPath, textList, textListNonEmpty } from '../adapter-options.ts'
import type { ValidatorContext } from '../context.ts'
import {
  type AudienceRule,
  type ClaimRules,
  type Claims,
  claimInvalid,
  claimMissing,
  clientIdOf,
  PERSONAL_CLAIMS,
} from '../engines/claim-judge.ts'
import { ID_TOKEN_MARKS } from '../engines/token-kind.ts'
import { resourceSpellings } from '../resource.ts'
import { type ClaimReader, claimReader, namesIn, textsReader } from './reader.ts'
import { isServiceAccount } from './service-account.ts'

const claimValues = z.record(claimPath, z.union([z.string(), z.number(), z.boolean()]))

/** `claim=value`, several as {@link textListNonEmpty} takes them. */
const claimPairs = textListNonEmpty.refine(pairs => pairs.every(pair => /^[^=]+=./.test(pair)), {
  error: 'must be pairs of claim and value, like idtyp=app',
})

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
    .describe(
      'Claim with the immutable id of the user or service. E-mail addresses and login names are refused; username is taken, for providers without ids whose user names never change and are never given to somebody else.',
    ),
  tokensWithoutSubject: z
    .enum(['refuse', 'client'])
    .default('refuse')
    .describe(
      'Who a token without subjectClaim belongs to: nobody (refuse), or the client itself (client), for providers that leave the subject out for machines only. A token that points to a person (username, email) is refused either way.',
    ),
  clientIdClaim: claimPath
    .optional()
    .describe(
      'Claim with the id of the client that the token was issued to; every token must have it. Default: client_id, else azp. aud, iss and sub are refused: they name somebody else.',
    ),
  defaultClientId: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Client id of tokens that name no client, such as those of a gateway in front of the server. Default: such tokens are refused.',
    ),
  scopeClaims: textListNonEmpty
    .optional()
    .describe(
      'Claims whose values count as scopes, all of them: scope, realm_access.roles. Of an object the names of its members count. Default: scope, else scp.',
    ),
  tenantClaim: claimPath.optional().describe('Claim with the tenant or organisation. Default: none.'),
  serviceClaims: claimPairs
    .optional()
    .describe(
      'What only tokens of machines carry, as claim=value, where their subject is not the client id; one is enough. {client_id} stands for the client: idtyp=app, login=machine-{client_id}. Service accounts of Keycloak are known. Default: a token whose subject is the client is a machine’s.',
    ),
  requiredClaims: claimValues
    .default({})
    .describe('Claims that must have this value, or be a list or an object that holds it: { "groups": "staff" }.'),
  accessTokenClaims: claimValues
    .default({})
    .describe(
      'Claims that every access token of the provider has and no ID token: { "use": "access" }. They are required, and a token that has them is no longer taken for an ID token because its aud is its client.',
    ),
  dangerouslyAllowIdTokenMarks: textList
    .pipe(z.array(z.enum(ID_TOKEN_MARKS)))
    .default([])
    .describe(
      'Marks of ID tokens that access tokens of the provider carry, too: nonce, at_hash, c_hash, s_hash, or aud for tokens whose only audience is their client. ID tokens with these marks are then accepted as access tokens.',
    ),
})

export type ClaimOptions = z.output<typeof claimOptions>

/** The one login name that may be a subject: RFC 7662 has it, and leaves `sub` optional. */
export const LOGIN_NAME = 'username'

/** Subjects that are given to somebody else one day, or that users choose themselves. */
const MUTABLE: readonly string[] = PERSONAL_CLAIMS.filter(claim => claim !== LOGIN_NAME)

/** Claims that the tokens of many people have in common: of a client, of an organization, or of all. */
const SHARED = ['client_id', 'azp', 'cid', 'appid', 'aud', 'iss', 'tid', 'org_id', 'scope', 'scp']

/** What a path or a URL leads to: `user.email`, `https://example.com/email`. */
const lastOf = (claim: string) => claim.toLowerCase().split(/[./]/).at(-1) as string

/** Claims that never name the client: a rule about clients would compare something else. */
const NO_CLIENT: Readonly<Record<string, string>> = {
  aud: 'whom a token is for, which in an ID token is its client',
  iss: 'the provider',
  sub: 'the user',
}

/** Why a client for tokens that name none cannot stand beside a list of clients. */
export const NAMELESS_AS_LISTED =
  'contradicts clientIds: tokens that name no client would pass for those of a listed one'

/** What of the options cannot work; see `Adapter.mistakes`. */
export function claimMistakes({
  audience,
  clientIds,
  clientIdClaim,
  defaultClientId,
  subjectClaim,
  tenantClaim,
  tokensWithoutSubject,
}: Pick<
  ClaimOptions,
  'audience' | 'clientIds' | 'clientIdClaim' | 'defaultClientId' | 'subjectClaim' | 'tokensWithoutSubject'
> &
  Partial<Pick<ClaimOptions, 'tenantClaim'>>): Partial<Record<keyof ClaimOptions, string>> {
  return {
    ...(clientIds && defaultClientId !== undefined ? { defaultClientId: NAMELESS_AS_LISTED } : {}),
    ...(subjectClaim === LOGIN_NAME && tokensWithoutSubject === 'client' && !clientIds
      ? {
          clientIds:
            'is needed where user names and client ids are subjects side by side: a user who has the name of one of these clients is refused',
        }
      : {}),
    ...(audience === null && !clientIds
      ? { clientIds: 'is needed where audience is null: else the tokens of every client of the provider are accepted' }
      : {}),
    ...(clientIdClaim !== undefined && NO_CLIENT[clientIdClaim] !== undefined
      ? {
          clientIdClaim: `must be a claim with the id of the client, such as client_id or azp; ${clientIdClaim} names ${NO_CLIENT[clientIdClaim]}. If the provider's access tokens have no such claim, have it add one`,
        }
      : {}),
    ...([subjectClaim, lastOf(subjectClaim)].some(claim => MUTABLE.includes(claim))
      ? { subjectClaim: `must be an immutable id such as sub; ${subjectClaim} can pass to somebody else` }
      : {}),
    ...([...SHARED, clientIdClaim, tenantClaim].includes(subjectClaim)
      ? {
          subjectClaim: `must be an id of one user or service; ${subjectClaim} is the same for all users of a client or an organization. For tokens of machines there is tokensWithoutSubject`,
        }
      : {}),
  }
}

/**
 * The options as rules for an engine. `check` compares `requiredClaims` and `accessTokenClaims`. Warns where user names are the
 * subjects, and where ID tokens may pass.
 */
export function claimRules(
  options: ClaimOptions,
  context: Pick<ValidatorContext, 'resource' | 'furtherResources' | 'observer'>,
): ClaimRules & { check(claims: Claims): void } {
  const { subjectClaim, tokensWithoutSubject, scopeClaims, tenantClaim } = options
  if (subjectClaim === LOGIN_NAME) {
    const message =
      'User names are the subjects of tokens: the provider must never change one, nor give one to somebody else.'
    context.observer?.warning?.(message, { subjectClaim })
  }
  const allowedMarks = options.dangerouslyAllowIdTokenMarks
  if (allowedMarks.length > 0) {
    const message = 'ID tokens with these marks are accepted as access tokens.'
    context.observer?.warning?.(message, { dangerouslyAllowIdTokenMarks: allowedMarks })
  }
  const marks = Object.entries(options.accessTokenClaims)
  const required = [...Object.entries(options.requiredClaims), ...marks].map(([claim, expected]) => {
    return { claim, expected, read: claimReader(claim) }
  })
  const clientOf = clientReader(options)
  return {
    audience: audienceRule(options, context),
    principalType: principalTypeReader(options, clientOf),
    tokensWithoutSubject,
    subjectClaim,
    subject: subjectReader(options),
    clientId: clientOf,
    scopes: scopeClaims && textsReader(scopeClaims),
    tenant: tenantClaim === undefined ? undefined : claimReader(tenantClaim),
    // `check` has compared them by the time that the engine asks.
    tokenKind: { allowedMarks, isAccessToken: () => marks.length > 0 },
    check(claims) {
      for (const { claim, expected, read } of required) {
        const actual = read(claims)
        if (isAbsent(actual)) throw claimMissing(claim)
        if (actual === expected || (Array.isArray(actual) && actual.includes(expected))) continue
        if (typeof expected === 'string' && typeof actual === 'object' && namesIn(actual)?.includes(expected)) continue
        throw claimInvalid(claim, `not ${expected}`)
      }
    },
  }
}

function clientReader({ clientIdClaim, defaultClientId }: ClaimOptions): ClaimReader {
  const read = clientIdClaim === undefined ? clientIdOf : claimReader(clientIdClaim)
  return defaultClientId === undefined ? read : claims => read(claims) ?? defaultClientId
}

function subjectReader({ subjectClaim, clientIdClaim }: ClaimOptions): ClaimReader {
  const read = claimReader(subjectClaim)
  if (subjectClaim !== LOGIN_NAME) return read
  const clientOf = clientIdClaim === undefined ? clientIdOf : claimReader(clientIdClaim)
  // A `sub` that is the client's id is a machine's (RFC 9068 §5). A user name that is the client's id proves nothing.
  return claims => {
    const name = read(claims)
    return name === clientOf(claims) ? undefined : name
  }
}

/** By the marks of machines, and as Keycloak has them; `undefined` leaves it to the default rule. */
function principalTypeReader({ serviceClaims }: ClaimOptions, clientOf: ClaimReader): ClaimRules['principalType'] {
  const marks = (serviceClaims ?? []).map(pair => {
    const end = pair.indexOf('=')
    return { read: claimReader(pair.slice(0, end)), value: pair.slice(end + 1) }
  })
  return claims => {
    const client = clientOf(claims)
    const hasMark = marks.some(({ read, value }) => {
      const actual = read(claims)
      const expected = value.replaceAll('{client_id}', () => String(client))
      if (isAbsent(actual)) return false
      return Array.isArray(actual) ? actual.includes(expected) : String(actual) === expected
    })
    return hasMark || isServiceAccount(claims, client) ? 'service' : undefined
  }
}

function audienceRule(
  { audience, clientIds }: ClaimOptions,
  context: Pick<ValidatorContext, 'resource' | 'furtherResources'>,
): AudienceRule {
  if (audience !== null) return { audience: audience ?? resourceSpellings(context), clientIds }
  if (!clientIds) throw new TypeError('a provider without audience needs clientIds')
  return { clientIds }
}
