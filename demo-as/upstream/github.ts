import { createHash, randomBytes } from 'node:crypto'
import { clipped } from '../pages/html.ts'
import { type AdmissionRules, admit, isEmailRule, type Person } from './admission.ts'
import { FOREIGN, isOutageStatus, LATE } from './failures.ts'
import type { UpstreamClient } from './openid-connect.ts'
import { providerWords } from './reasons.ts'
import { isForbiddingPage } from './token-errors.ts'
import { type Identification, type Upstream, UpstreamMisconfiguredError, UpstreamUnavailableError } from './upstream.ts'

export interface GithubUpstreamOptions extends UpstreamClient {
  clientSecret: string
  /** Origin of github.com or of an Enterprise Server, or any URL there. */
  metadataUrl: string
  /** Further parameters of the authorization request. Default: none. */
  parameters?: Readonly<Record<string, string>>
  /** Base of the REST API. Default: what follows from the origin. */
  apiUrl?: string
  /** @returns `undefined` where GitHub does not say who it is. */
  personOf(account: GithubAccount, site: string): Person | undefined
  rules: AdmissionRules
}

/** Tokens of a GitHub App end after eight hours and can be renewed; those of an OAuth app never end. */
interface Session {
  accessToken: string
  refreshToken?: string
}

/** What is kept of a sign-in until it is over. */
interface Memory {
  verifier: string
  /** GitHub takes a code once. */
  session?: Session
}

type Json = Readonly<Record<string, unknown>>

/** Answers of the API; lists are empty where no rule goes by them. */
export interface GithubAccount {
  readonly user: Json
  readonly emails: readonly Json[]
  readonly organizations: readonly Json[]
  readonly teams: readonly Json[]
}

/**
 * Signs people in at GitHub, which has OAuth and an API, and no OpenID Connect.
 */
export function createGithubUpstream(options: GithubUpstreamOptions): Upstream {
  const { clientId, clientSecret, rules } = options
  const site = new URL(options.metadataUrl).origin
  const api = options.apiUrl?.replace(/\/$/, '') ?? apiOf(site)
  const principals = [...rules.allow, ...rules.grants.flatMap(({ to }) => to)]
  const asksFor = (kind: RegExp) => principals.some(name => kind.test(name))
  const scope = [asksFor(/^(org|group):/) && 'read:org', principals.some(isEmailRule) && 'user:email']
    .filter(Boolean)
    .join(' ')

  return {
    name: 'GitHub',

    async depart({ state, redirectUri, another }) {
      const verifier = randomBytes(32).toString('base64url')
      const url = new URL('/login/oauth/authorize', site)
      const { login: account, ...parameters } = options.parameters ?? {}
      url.search = new URLSearchParams({
        ...parameters,
        ...(account !== undefined && !another && { login: account }),
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...(scope && { scope }),
        ...(another && { prompt: 'select_account' }),
      }).toString()
      return { url: url.href, memory: { verifier } satisfies Memory }
    },

    async identify(answer, { redirectUri, memory, keep }) {
      const [code, ...others] = answer.getAll('code')
      // RFC 9207 §2.4: compared also where the metadata does not announce it.
      if (answer.getAll('iss').some(issuer => issuer !== `${site}/login/oauth`))
        return nobody('iss of another server', FOREIGN)
      if (answer.has('error')) return refusedBy(answer)
      if (!code || others.length > 0) return nobody('no code')
      const { verifier, session: known } = memory as Memory
      if (known) return look(known)
      const session = await requestToken({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      })
      if (!session) return nobody('bad_verification_code', LATE)
      await keep({ verifier, session } satisfies Memory)
      return look(session)
    },

    async recheck(kept, keep) {
      const { refreshToken } = kept as Session
      if (refreshToken === undefined) return look(kept as Session)
      const renewed = await requestToken({ grant_type: 'refresh_token', refresh_token: refreshToken })
      if (!renewed) return nobody('bad_refresh_token')
      const session: Session = { refreshToken, ...renewed }
      await keep(session)
      return look(session)
    },

    async end(kept) {
      const { accessToken } = kept as Session
      const response = await call(`${api}/applications/${clientId}/token`, {
        method: 'DELETE',
        headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
        body: JSON.stringify({ access_token: accessToken }),
      })
      // 404: over already.
      if (!response.ok && response.status !== 404) throw refused('the end of a token', response.status)
    },
  }

  /** @returns `undefined` when the person's code or refresh token is not good. Errors have status 200 at GitHub. */
  async function requestToken(fields: Record<string, string>): Promise<Session | undefined> {
    const form = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...fields })
    const response = await call(`${site}/login/oauth/access_token`, { method: 'POST', body: form })
    if (!response.ok) throw refused('a token request', response.status)
    const body = await objectIn(response)
    const { access_token: accessToken, refresh_token: refreshToken, error, error_description: description } = body
    if (PERSONAL_ERRORS.has(String(error))) return undefined
    if (typeof accessToken !== 'string' || accessToken === '') {
      const said = providerWords(description)
      const code = clipped(String(error ?? 'no token'), 100)
      throw new UpstreamMisconfiguredError(`GitHub answers ${code}${said === undefined ? '' : `: ${said}`}`, { said })
    }
    return { accessToken, ...(typeof refreshToken === 'string' && refreshToken && { refreshToken }) }
  }

  async function look(session: Session): Promise<Identification> {
    const person = await personOf(session.accessToken)
    if (!person) return nobody('the token is over')
    const admitted = admit(person, rules)
    return admitted.outcome === 'signed_in' ? { ...admitted, session } : admitted
  }

  async function personOf(accessToken: string): Promise<Person | undefined> {
    const user = await get('/user', accessToken)
    if (!user) return undefined
    const wanted = (path: string, isWanted: boolean) => (isWanted ? all(path, accessToken) : [])
    const [emails, organizations, teams] = await Promise.all([
      wanted('/user/emails', principals.some(isEmailRule)),
      wanted('/user/orgs', asksFor(/^org:/)),
      wanted('/user/teams', asksFor(/^group:/)),
    ])
    const person = options.personOf({ user: user as Json, emails, organizations, teams }, site)
    if (!person) throw new UpstreamMisconfiguredError('GitHub does not say the id of the user')
    return person
  }

  /** All entries of a list: a page may be the last, and rules must not depend on which one somebody is on. */
  async function all(path: string, accessToken: string): Promise<Json[]> {
    const entries: Json[] = []
    for (let page = 1; page <= MAX_PAGES; page++) {
      const found = await get(`${path}?per_page=${PAGE_SIZE}&page=${page}`, accessToken)
      // A list that is not shown says nothing about who is on it.
      if (!Array.isArray(found)) throw new UpstreamMisconfiguredError(`GitHub does not show ${path}`)
      entries.push(...found)
      if (found.length < PAGE_SIZE) break
    }
    return entries
  }

  /**
   * @returns `undefined` when the token is not good (any more), or the person is suspended. 403 may also mean that this server may not ask
   *   from where it is (IP allow lists), or that the app lacks a permission.
   */
  async function get(path: string, accessToken: string): Promise<unknown> {
    const response = await call(api + path, { headers: { authorization: `Bearer ${accessToken}` } })
    const { status } = response
    if (response.ok) return json(response)
    if (status === 401 || (status === 403 && /suspended/i.test(await response.text()))) return undefined
    throw refused(path.replace(/\?.*/, ''), status)
  }

  async function call(url: string, init: RequestInit): Promise<Response> {
    const headers = { accept: 'application/json', 'user-agent': 'idplug', ...init.headers }
    const signal = AbortSignal.timeout(options.timeoutSeconds * 1000)
    const response = await options.fetch(url, { ...init, headers, signal, redirect: 'manual' }).catch(cause => {
      throw new UpstreamUnavailableError('GitHub cannot be reached', { cause })
    })
    if (!isOutageStatus(response.status) && !(await isThrottled(response))) return response
    throw new UpstreamUnavailableError(`GitHub answers ${response.status}`)
  }
}

const PAGE_SIZE = 100
const MAX_PAGES = 20

const PERSONAL_ERRORS = new Set(['bad_verification_code', 'bad_refresh_token', 'expired_token'])

const nobody = (reason: string, words?: string): Identification => ({ outcome: 'nobody', reason, words })

/** The person said no, or GitHub did. */
function refusedBy(answer: URLSearchParams): Identification {
  const said = providerWords(answer.get('error_description'))
  const code = clipped(answer.get('error') ?? '', 100)
  return { outcome: 'nobody', reason: said === undefined ? code : `${code}: ${said}`, said }
}

const refused = (what: string, status: number) => new UpstreamMisconfiguredError(`GitHub refuses ${what} (${status})`)

/** Rate limits are told by 403 as well. */
async function isThrottled(response: Response): Promise<boolean> {
  const { status, headers } = response
  if (status !== 401 && status !== 403) return false
  const text = await response.clone().text()
  if (isForbiddingPage(response, text)) return true
  if (status === 401) return false
  if (headers.get('x-ratelimit-remaining') === '0' || headers.has('retry-after')) return true
  // The secondary limit may come without either.
  return /rate limit|abuse detection/i.test(text)
}

async function json(response: Response): Promise<unknown> {
  return response.json().catch(cause => {
    throw new UpstreamUnavailableError('GitHub answers something else than JSON', { cause })
  })
}

async function objectIn(response: Response): Promise<Json> {
  const body = await json(response)
  return typeof body === 'object' && body !== null ? (body as Json) : {}
}

/** Base of the REST API, without a slash at the end. */
function apiOf(site: string): string {
  const { protocol, host } = new URL(site)
  if (host === 'github.com') return 'https://api.github.com'
  return host.endsWith('.ghe.com') ? `${protocol}//api.${host}` : `${site}/api/v3`
}
