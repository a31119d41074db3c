import { createHash, randomBytes } from 'node:crypto'
import { InvalidTokenError, type TokenReason, type ValidatedToken } from 'idplug'
import { basicCredentials, clip, consoles, isLoopback, urlProblem } from 'idplug/internal'
import type { FindingCode } from './catalogue/index.ts'
import { type Finding, finding } from './finding.ts'
import type { Metadata, Tenant } from './tenant.ts'

/** A client of the user's own, to try the provider with. */
export interface TrialClient {
  readonly clientId: string
  /** For a machine's token. */
  readonly clientSecret?: string
  /** For the redirect rules. */
  readonly redirectUri?: string
}

/**
 * Asks the provider for what an MCP client would ask for, and looks at what comes back: a token by client credentials where
 * there is a secret, an authorization request where there is a redirect URI.
 *
 * @param scopes - Scopes that tools need, in this server's own names.
 */
export async function tryClient(
  tenant: Tenant,
  metadata: Metadata,
  client: TrialClient,
  scopes: readonly string[],
): Promise<Finding[]> {
  return [
    ...(client.clientSecret === undefined ? [] : await tryToken(tenant, metadata, client, scopes)),
    ...(client.redirectUri === undefined
      ? []
      : await tryRedirect(tenant, metadata, client, client.redirectUri, scopes)),
  ]
}

async function tryToken(
  tenant: Tenant,
  { token_endpoint: endpoint }: Metadata,
  { clientId, clientSecret = '' }: TrialClient,
  scopes: readonly string[],
): Promise<Finding[]> {
  const { provider, probe, resource, insecureHosts } = tenant
  const name = provider.adapter.name
  if (typeof endpoint !== 'string' || urlProblem(endpoint, true, insecureHosts)) return [] // told already
  const wire = consoles[name]?.trialScopes?.(provider.options, resource) ?? provider.scopeNames.toWire(scopes)
  const answer = await probe(endpoint, {
    method: 'POST',
    headers: {
      authorization: basicCredentials(clientId, clientSecret),
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: wire.join(' '), resource }).toString(),
  })
  if (answer.outcome === 'failed') return [finding('tenant.token_refused', `${answer.detail} at ${endpoint}`, name)]
  const { access_token: token, error, error_description: description } = answer.json ?? {}
  if (typeof token !== 'string') {
    return [refusedFinding(String(error ?? `status ${answer.status}`), String(description ?? ''), name)]
  }
  return judgeToken(tenant, token, scopes)
}

/** What providers say when they refuse, and what is wrong then. The first that fits counts. */
const REFUSALS: readonly (readonly [pattern: RegExp, code: string])[] = [
  // Their own words first; by no adapter alone, since `oidc` reaches the same products.
  ...Object.values(consoles).flatMap(({ refusals = [] }) => refusals),
  [/^invalid_target/, 'tenant.resource_refused'],
  [/^invalid_scope/, 'tenant.scope_unknown'],
  [/^invalid_resource/, 'tenant.audience_unknown'],
  [/^unauthorized_client/, 'tenant.client_not_authorized'],
  [/^invalid_client/, 'tenant.client_refused'],
]

function refusedFinding(error: string, description: string, name: string): Finding {
  const text = description ? `${error}: ${description}` : error
  const code = REFUSALS.find(([pattern]) => pattern.test(text))?.[1] ?? 'tenant.token_refused'
  return finding(code as FindingCode, text, name)
}

/** Lets the server's own validator decide, and says in the doctor's words what it decided. */
async function judgeToken(tenant: Tenant, token: string, scopes: readonly string[]): Promise<Finding[]> {
  const { name } = tenant.provider.adapter
  try {
    return inspectToken(await tenant.validator.validate(token), tenant, scopes)
  } catch (error) {
    if (!(error instanceof InvalidTokenError))
      return [finding('tenant.not_ready', clip((error as Error).message), name)]
    const { reason } = error
    return [finding(tokenCode(reason), error.message, name, 'cure' in reason ? reason.cure : undefined)]
  }
}

function tokenCode({ kind }: TokenReason): FindingCode {
  if (/audience|other_api|management_api|client_refused/.test(kind)) return 'token.audience'
  if (/opaque|encrypted|no_api_requested|malformed/.test(kind)) return 'token.opaque'
  return 'token.refused'
}

const DAY_SECONDS = 86_400

function inspectToken(token: ValidatedToken, { provider, now }: Tenant, scopes: readonly string[]): Finding[] {
  const { name } = provider.adapter
  const missing = scopes.filter(scope => !token.scopes.includes(scope))
  const concerns = consoles[name]?.tokenConcerns?.(token.claims) ?? []
  const seconds = Math.round(token.expiresAt - now() / 1000)
  return [
    ...concerns.map(([code, seen]) => finding(code as FindingCode, seen, name)),
    ...(missing.length > 0
      ? [
          finding(
            'token.scopes_missing',
            `without ${missing.join(' ')}; it has ${token.scopes.join(' ') || 'none'}`,
            name,
          ),
        ]
      : []),
    ...(seconds > DAY_SECONDS ? [finding('token.long_lived', `it lives for ${seconds} s`, name)] : []),
  ]
}

/** Sends authorization requests without following them: whether the provider would go on to its sign-in. */
async function tryRedirect(
  { provider, probe, resource, insecureHosts }: Tenant,
  metadata: Metadata,
  { clientId }: TrialClient,
  redirectUri: string,
  scopes: readonly string[],
): Promise<Finding[]> {
  const { name } = provider.adapter
  const endpoint = metadata.authorization_endpoint
  if (typeof endpoint !== 'string' || urlProblem(endpoint, true, insecureHosts)) return [] // told already
  const attempt = async (uri: string) => {
    const request = authorizationRequest(endpoint, {
      client_id: clientId,
      redirect_uri: uri,
      scope: provider.scopeNames.toWire(scopes).join(' '),
      resource,
    })
    const answer = await probe(request.href)
    if (answer.outcome === 'failed') return { refused: `${answer.detail} at ${endpoint}` }
    const location = answer.headers.get('location') ?? ''
    if (location.startsWith(uri)) return { parameters: new URL(location).searchParams }
    return answer.status >= 400 ? { refused: `status ${answer.status} for redirect_uri ${uri}` } : {}
  }

  const { refused, parameters } = await attempt(redirectUri)
  if (refused !== undefined) return [finding('tenant.redirect_refused', refused, name)]
  const error = parameters?.get('error')
  if (error) return [refusedFinding(error, parameters?.get('error_description') ?? '', name)]
  const other = otherPort(redirectUri)
  const second = other === undefined ? {} : await attempt(other)
  return second.refused === undefined ? [] : [finding('tenant.redirect_port_fixed', second.refused, name)]
}

/** An authorization request with PKCE (RFC 7636) that nobody is going to finish. */
export function authorizationRequest(endpoint: string, parameters: Record<string, string>): URL {
  const url = new URL(endpoint)
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url')
  const all = {
    response_type: 'code',
    state: randomBytes(16).toString('base64url'),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...parameters,
  }
  for (const [key, value] of Object.entries(all)) if (value !== '') url.searchParams.set(key, value)
  return url
}

/** The same loopback URI with another port; `undefined` for any other. */
function otherPort(redirectUri: string): string | undefined {
  const url = new URL(redirectUri)
  if (!isLoopback(url.hostname)) return undefined
  url.port = url.port === '49153' ? '49154' : '49153'
  return url.href
}
