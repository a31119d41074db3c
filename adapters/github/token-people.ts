import type { AdapterContext, LookUp, TokenPeople } from '../../src/adapter.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import {
  askProvider,
  type ProviderAnswer,
  parseJson,
  refusedRequest,
  unusable,
} from '../../src/engines/provider-request.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import { isEmailPrincipal } from '../../src/people/principals.ts'
import type { PeopleRules } from '../../src/people/rules.ts'
import { apiOf } from './check-endpoint.ts'
import { people } from './people.ts'

interface Options extends PeopleRules {
  readonly metadataUrl: string
  readonly apiUrl?: string
  readonly wireScopes: readonly string[]
}

/** Lists that the API has about the person of a token, the rules that go by them, and the scope that a token of an OAuth app needs. */
const LISTS = [
  { name: 'emails', path: '/user/emails', isNeeded: isEmailPrincipal, scope: 'user:email' },
  { name: 'organizations', path: '/user/orgs', isNeeded: (name: string) => name.startsWith('org:'), scope: 'read:org' },
  { name: 'teams', path: '/user/teams', isNeeded: (name: string) => name.startsWith('group:'), scope: 'read:org' },
] as const

/** Who stands behind a token: the check endpoint says the account, the API says the rest, where rules go by it. */
export const tokenPeople: TokenPeople<Options> = {
  principals: people.principals,
  personOf({ iss, user, emails = [], organizations = [], teams = [] }) {
    const lists = { emails, organizations, teams } as { emails: Claims[]; organizations: Claims[]; teams: Claims[] }
    return people.signIn.personOf({ user: (user ?? {}) as Claims, ...lists }, new URL(String(iss)).origin)
  },
  // Those that the rules need, for tokens of OAuth apps; GitHub Apps have permissions instead, and pass over scopes.
  wireScopes({ wireScopes, allow, grants }) {
    const principals = [...allow, ...grants.flatMap(({ to }) => to)]
    return wireScopes.length > 0 ? wireScopes : [...new Set(listsFor(principals).map(({ scope }) => scope))]
  },
  lookUp({ metadataUrl, apiUrl }, context, principals) {
    const needed = listsFor(principals)
    const api = (apiUrl ?? apiOf(issuerAndMetadata(metadataUrl).issuer)).replace(/\/$/, '')
    return needed.length === 0 ? undefined : lookUpLists(api, needed, context)
  },
}

const listsFor = (principals: readonly string[]) => LISTS.filter(({ isNeeded }) => principals.some(isNeeded))

function lookUpLists(api: string, needed: readonly (typeof LISTS)[number][], context: AdapterContext): LookUp {
  return async (_token, raw) => {
    const lists = await Promise.all(needed.map(async ({ name, path }) => [name, await all(api + path, raw, context)]))
    return Object.fromEntries(lists) as Claims
  }
}

const PAGE_SIZE = 100
const MAX_PAGES = 20
const MAX_BYTES = 1_048_576

/** All entries of a list: rules must not depend on the page that somebody is on. */
async function all(url: string, token: string, context: AdapterContext): Promise<Claims[]> {
  const headers = {
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token}`,
    'user-agent': 'idplug', // GitHub answers no request without one
  }
  const entries: Claims[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const request = {
      operation: 'check',
      url: `${url}?per_page=${PAGE_SIZE}&page=${page}`,
      init: { headers },
      maxBytes: MAX_BYTES,
    } as const
    const found = await askProvider(context, request, answer => readList(answer, context))
    entries.push(...found)
    if (found.length < PAGE_SIZE) break
  }
  return entries
}

const NOT_SHOWN =
  'GitHub does not show what a rule goes by: OAuth apps need user:email for addresses and read:org for organizations and teams (GITHUB_WIRE_SCOPES), GitHub Apps the permission Email addresses or Members.'

/** A token without the scope, or an app without the permission, gets 403 or 404: then nothing is on the list. */
function readList(answer: ProviderAnswer, { observer }: AdapterContext): readonly Claims[] {
  const { endpoint, status } = answer
  if (status === 401) throw new InvalidTokenError({ kind: 'inactive' })
  if (status === 403 || status === 404) {
    observer?.warning?.(NOT_SHOWN, { endpoint, status })
    return []
  }
  if (status !== 200) throw refusedRequest(answer)
  const list = parseJson(answer)
  if (!Array.isArray(list) || list.some(entry => typeof entry !== 'object' || entry === null)) {
    throw unusable(endpoint, 'JSON that is not a list of objects')
  }
  return list
}
