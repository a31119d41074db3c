import type { TokenPeople } from '../../src/adapter.ts'
import type { CompleteContext } from '../../src/context.ts'
import { createTenantGates, createTenantMemory } from '../../src/engines/call-gate.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { askProvider, type ProviderAnswer, refusedRequest, unusable } from '../../src/engines/provider-request.ts'
import { MisconfigurationError } from '../../src/errors.ts'
import { graphOf, TENANT_ID } from './authority.ts'
import { hasTooManyGroups, people } from './people.ts'

interface Options {
  readonly metadataUrl: string
  readonly clientId: string
  readonly graphClientSecretEnv?: string
  readonly scopePrefix: string
  readonly wireScopes?: readonly string[]
}

/** Who stands behind a token. Groups that are too many for it are looked up at Microsoft Graph, where we may. */
export const graphPeople: TokenPeople<Options> = {
  principals: people.principals,
  personOf: people.signIn.personOf,
  // Without a scope of the API, Entra ID would issue a token for Microsoft Graph.
  wireScopes: ({ wireScopes, scopePrefix }) => wireScopes ?? [`${scopePrefix}.default`],
  lookUp({ metadataUrl, clientId, graphClientSecretEnv }, context, principals) {
    const groups = principals.flatMap(name => /^group:(.+)$/.exec(name)?.[1] ?? [])
    if (graphClientSecretEnv === undefined || groups.length === 0) return undefined
    const credentials = { client_secret: context.secret(graphClientSecretEnv) }
    const find = lookUpGroups({ metadataUrl, clientId, authenticate: async () => credentials, groups }, context)
    return ({ claims }) => find(claims)
  },
}

/** Form fields that say who is asking (`client_secret`, or an assertion), made for one token endpoint. */
type Authenticate = (tokenEndpoint: string) => Promise<Readonly<Record<string, string>>>

export interface GroupLookUp {
  readonly metadataUrl: string
  readonly clientId: string
  readonly authenticate: Authenticate
  /** Ids of the groups that rules go by. */
  readonly groups: readonly string[]
}

/** How many groups one request may ask about: https://learn.microsoft.com/en-us/graph/api/user-checkmembergroups */
const MOST_GROUPS = 20

/** Looks up which of these groups somebody is in, where a token says that there were too many. */
export function lookUpGroups(
  { metadataUrl, clientId, authenticate, groups }: GroupLookUp,
  context: CompleteContext,
): (claims: Claims) => Promise<Claims> {
  const graph = graphOf(metadataUrl)
  // One that is no id would fail the whole request.
  const ids = groups.filter(group => TENANT_ID.test(group))
  const chunks = Array.from({ length: Math.ceil(ids.length / MOST_GROUPS) }, (_, index) =>
    ids.slice(index * MOST_GROUPS, (index + 1) * MOST_GROUPS),
  )
  const accessToken = createAccessTokens({ metadataUrl, clientId, authenticate, scope: `${graph}/.default` }, context)

  const gateOf = createTenantGates(context.now)

  async function groupsOf(claims: Claims): Promise<readonly string[]> {
    const authorization = `Bearer ${await accessToken(String(claims.tid))}`
    const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' }
    const url = `${graph}/v1.0/users/${encodeURIComponent(String(claims.oid))}/checkMemberGroups`
    const found = await Promise.all(
      chunks.map(groupIds => {
        const init = { method: 'POST', headers, body: JSON.stringify({ groupIds }) }
        return askProvider(context, { operation: 'check', url, init }, readGroups)
      }),
    )
    return found.flat()
  }

  return async claims => {
    if (!hasTooManyGroups(claims)) return {}
    return { groups: await gateOf(String(claims.tid))(() => groupsOf(claims)) }
  }
}

function readGroups(answer: ProviderAnswer): readonly string[] {
  const { endpoint, status } = answer
  if (status === 401 || status === 403)
    throw new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status })
  // Nobody of that id: an account that was deleted since is in no group.
  if (status === 404) return []
  if (status !== 200) throw refusedRequest(answer)
  const { value } = answer.json()
  if (Array.isArray(value) && value.every(id => typeof id === 'string')) return value
  throw unusable(endpoint, 'no list of groups')
}

interface ClientCredentials {
  readonly metadataUrl: string
  readonly clientId: string
  readonly authenticate: Authenticate
  readonly scope: string
}

/** Renewed this long before its end, in seconds. */
const MARGIN_SECONDS = 60

/** Access tokens of this server's own for Microsoft Graph (client credentials), one for each tenant, kept until shortly before their end. */
function createAccessTokens(
  credentials: ClientCredentials,
  context: CompleteContext,
): (tenant: string) => Promise<string> {
  const { metadataUrl, clientId, authenticate, scope } = credentials
  const kept = createTenantMemory<{ token: Promise<string>; until: number }>()

  async function request(tenant: string, entry: { until: number }): Promise<string> {
    const url = `${new URL(metadataUrl).origin}/${tenant}/oauth2/v2.0/token`
    const form = { grant_type: 'client_credentials', client_id: clientId, scope, ...(await authenticate(url)) }
    const init = { method: 'POST', body: new URLSearchParams(form) }
    return askProvider(context, { operation: 'check', url, init }, answer => {
      const { endpoint, status } = answer
      if (status !== 200) throw new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status })
      const { access_token: token, expires_in: seconds } = answer.json()
      if (typeof token !== 'string') throw unusable(endpoint, 'no access token')
      entry.until = context.now() + (Number(seconds) - MARGIN_SECONDS) * 1000
      return token
    })
  }

  return tenant => {
    const known = kept.get(tenant)
    if (known && context.now() < known.until) return known.token
    const entry = { token: Promise.resolve(''), until: Number.POSITIVE_INFINITY }
    entry.token = request(tenant, entry)
    kept.set(tenant, entry)
    entry.token.catch(() => kept.delete(tenant))
    return entry.token
  }
}
