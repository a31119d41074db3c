import { createHash, randomBytes } from 'node:crypto'
import {
  type AzureApi,
  type AzureClient,
  type AzureTenant,
  type AzureUser,
  accessTokenClaims,
  idTokenClaims,
  type TokenFacts,
} from './azure-tokens.ts'
import { certificateOf } from './core/certificate.ts'
import { createEmulator, type Emulator, type EmulatorOptions, type Route } from './core/emulator.ts'
import { createKeyRing, type JsonObject, type KeyRing, type SigningKey, signJwt } from './core/keys.ts'
import { createSignIn, type Grant, OAuthFailure, type SignIn } from './core/sign-in.ts'

export type { AzureApi, AzureClient, AzureTenant, AzureUser } from './azure-tokens.ts'

export interface AzureEmulatorOptions extends EmulatorOptions {
  /** Default: contoso.onmicrosoft.com and fabrikam.onmicrosoft.com. The first one is where things are by default. */
  tenants?: readonly AzureTenant[]
  /** Members that differ from the default: `http://localhost:3232/mcp`, with the scopes of the notes server and v2 tokens. */
  api?: Partial<AzureApi>
  /** Default: `ada@contoso.example` and, of the second tenant, `finn@fabrikam.example`. */
  users?: readonly AzureUser[]
  /** Default: a public client, a daemon with the role `notes:read`, and one to which nobody gave a role. */
  clients?: readonly AzureClient[]
  /** Issuer of v2 tokens, with `{tenantid}`. Default: that of the public cloud, at the origin. */
  issuer?: string
  /** Issuer of v1 tokens, with `{tenantid}`. Default: `sts.windows.net` for the public cloud, else the origin. */
  v1Issuer?: string
}

/** What a token is minted from. */
export interface AzureTokenOptions {
  /** Default: what the API requests. */
  version?: 1 | 2
  /** Tenant id. Default: the user's, else the first. */
  tenant?: string
  /** `login` of the user, or `null` for an app-only token. Default: the first user. */
  user?: string | null
  /** Default: the first client, for an app-only token the first that has a secret. */
  clientId?: string
  /** Without the App ID URI. Default: all of the API. */
  scopes?: readonly string[]
  /** Default: those of the user or, app-only, of the client. */
  roles?: readonly string[]
  /** Key to sign with. Default: the tenant's current one. */
  key?: SigningKey
  /** Changes: members are replaced, `undefined` ones removed. */
  header?: JsonObject
  claims?: JsonObject
}

export interface AzureEmulator extends Emulator {
  readonly tenants: readonly AzureTenant[]
  readonly api: AzureApi
  readonly clients: readonly AzureClient[]
  /** The keys of work and school accounts. */
  readonly keys: KeyRing
  /** The keys of personal accounts: published beside the others where tenants share a document. */
  readonly consumerKeys: KeyRing
  /** Header and claims of a token as Entra ID would sign it. */
  accessToken(options?: AzureTokenOptions): {
    header: JsonObject & { alg: string; kid: string }
    claims: JsonObject & { iss: string; exp: number }
  }
  mint(options?: AzureTokenOptions): Promise<string>
  mintIdToken(options?: AzureTokenOptions): Promise<string>
  /** As v1 sends them beside a code: without a signature. */
  mintUnsignedIdToken(): string
  /** For Microsoft Graph: the signature covers a `nonce` that is not the one in the header. */
  mintGraphToken(options?: AzureTokenOptions): Promise<string>
}

const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const GRAPH = '00000003-0000-0000-c000-000000000000'
const LOGIN = 'https://login.microsoftonline.com'
const OIDC_SCOPES = ['openid', 'profile', 'email', 'offline_access']
const GRAPH_SCOPES = ['User.Read', 'Mail.Read']
const SHARED = ['common', 'organizations']
const CLAIMS_SUPPORTED = [
  'sub',
  'iss',
  'cloud_instance_name',
  'cloud_instance_host_name',
  'cloud_graph_host_name',
  'msgraph_host',
  'aud',
  'exp',
  'iat',
  'auth_time',
  'acr',
  'nonce',
  'preferred_username',
  'name',
  'tid',
  'ver',
  'at_hash',
  'c_hash',
  'email',
]

/** Microsoft Entra ID: metadata, keys, sign-in and tokens of a few tenants, as they are documented. */
export function createAzureEmulator(options: AzureEmulatorOptions = {}): AzureEmulator {
  const tenants = options.tenants ?? DEFAULT_TENANTS
  const users = options.users ?? DEFAULT_USERS
  const clients = options.clients ?? DEFAULT_CLIENTS
  const api: AzureApi = { ...DEFAULT_API, ...options.api }
  const now = options.now ?? Date.now
  const home = tenants[0] as AzureTenant
  const signIns = new Map<string, SignIn>()
  const graphTokens = new Set<string>()
  let v1Audiences = 0

  const issuer = () => options.issuer ?? `${emulator.origin}/{tenantid}/v2.0`
  const v1Issuer = () => {
    const isPublicCloud = emulator.origin === LOGIN
    return options.v1Issuer ?? `${isPublicCloud ? 'https://sts.windows.net' : emulator.origin}/{tenantid}/`
  }
  const forTenant = (template: string, tenant: string) => template.replaceAll('{tenantid}', tenant)

  const keys = createKeyRing(keyRingOptions(issuer))
  const consumerKeys = createKeyRing(keyRingOptions(() => forTenant(issuer(), CONSUMERS)))
  const apiKeys = createKeyRing(keyRingOptions(issuer))
  const spare = Array.from({ length: 5 }, spareKey)

  /** The name of a tenant in a path: its id for a verified domain, itself where it stands for many. */
  function tenantAt(name = ''): string | undefined {
    if (SHARED.includes(name)) return name
    if (name === 'consumers' || name === CONSUMERS) return CONSUMERS
    return tenants.find(({ id, domain }) => name === id || name === domain)?.id
  }

  /** A route below a tenant; what Entra ID says about tenants that it does not know. */
  function tenantRoute(answer: (tenant: string, request: Request) => Response | Promise<Response>): Route {
    return (request, params) => {
      const tenant = tenantAt(params.tenant)
      if (tenant !== undefined) return answer(tenant, request)
      const description = `AADSTS90002: Tenant '${params.tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`
      return Response.json(errorBody({ error: 'invalid_tenant', error_description: description }), { status: 400 })
    }
  }

  function metadata(version: 1 | 2) {
    return tenantRoute((tenant, request) => {
      const { origin } = emulator
      const base = `${origin}/${tenant}`
      const { search } = new URL(request.url)
      const template = version === 1 ? v1Issuer() : issuer()
      const endpoints = version === 1 ? `${base}/oauth2` : `${base}/oauth2/v2.0`
      return cached({
        token_endpoint: `${endpoints}/token`,
        token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
        jwks_uri: (version === 1 ? `${origin}/common/discovery/keys` : `${base}/discovery/v2.0/keys`) + search,
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
        scopes_supported: version === 1 ? ['openid'] : OIDC_SCOPES,
        issuer: SHARED.includes(tenant) ? template : forTenant(template, tenant),
        request_uri_parameter_supported: false,
        userinfo_endpoint: version === 1 ? `${base}/openid/userinfo` : 'https://graph.microsoft.com/oidc/userinfo',
        authorization_endpoint: `${endpoints}/authorize`,
        device_authorization_endpoint: `${endpoints}/devicecode`,
        http_logout_supported: true,
        frontchannel_logout_supported: true,
        end_session_endpoint: `${endpoints}/logout`,
        claims_supported: CLAIMS_SUPPORTED,
        kerberos_endpoint: `${base}/kerberos`,
        tenant_region_scope: SHARED.includes(tenant) ? null : 'EU',
        cloud_instance_name: 'microsoftonline.com',
        cloud_graph_host_name: 'graph.windows.net',
        msgraph_host: 'graph.microsoft.com',
        rbac_url: 'https://pas.windows.net',
      })
    })
  }

  function keySet(version: 1 | 2) {
    return tenantRoute((tenant, request) => {
      const own = new URL(request.url).searchParams.get('appid') === api.clientId ? apiKeys.published() : []
      const personal = SHARED.includes(tenant) || tenant === CONSUMERS ? consumerKeys.published() : []
      const others = spare.map(key => ({ ...key, issuer: issuer() }))
      const all = [...keys.published(), ...own, ...personal, ...others]
      return cached({ keys: version === 2 ? all : all.map(jwk => ({ ...jwk, issuer: undefined })) })
    })
  }

  /** Each tenant's endpoints know the users of that tenant, and codes are good only where they were issued. */
  function signInAt(tenant: string, version: 1 | 2): SignIn {
    const key = `${tenant} v${version}`
    let signIn = signIns.get(key)
    if (!signIn) {
      signIn = createSignIn({
        rotateRefreshTokens: options.rotateRefreshTokens,
        clients,
        // Asked each time: somebody may be taken out.
        get users() {
          return users.filter(user => SHARED.includes(tenant) || tenantOf(user) === tenant)
        },
        now,
        grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
        pkce: 'optional',
        redirectAllowed,
        grant: version === 1 ? grantResource : grantScopes,
        issue: async grant => issue(grant, tenant, version),
        refreshable: ({ scopes }) => version === 1 || scopes.includes('offline_access'),
        answer: (body, status) =>
          Response.json(errorBody(body), { status, headers: { 'cache-control': 'no-store, no-cache' } }),
      })
      signIns.set(key, signIn)
    }
    return signIn
  }

  const tenantOf = (user: AzureUser | undefined) => user?.tid ?? home.id
  const authorize = (version: 1 | 2): Route =>
    tenantRoute((tenant, request) => signInAt(tenant, version).authorize(request, {}))
  const token = (version: 1 | 2): Route =>
    tenantRoute((tenant, request) => signInAt(tenant, version).token(request, {}))

  function grantScopes(requested: Grant): Grant {
    const { scopes, parameters, client, grantType } = requested
    if (scopes.length === 0) {
      throw new OAuthFailure(
        'invalid_request',
        "AADSTS900144: The request body must contain the following parameter: 'scope'.",
      )
    }
    if (grantType === 'client_credentials') {
      if (scopes.some(scope => !scope.endsWith('/.default'))) {
        throw new OAuthFailure(
          'invalid_scope',
          'AADSTS1002012: The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
        )
      }
    }
    const targets = new Set(scopes.filter(scope => !OIDC_SCOPES.includes(scope)).map(scope => targetOf(scope, client)))
    if (targets.size > 1) {
      throw new OAuthFailure(
        'invalid_scope',
        'AADSTS28000: Provided value for the input parameter scope is not valid because it contains more than one resource.',
      )
    }
    const resource = parameters.get('resource')
    if (resource !== null && !(targets.has(api.clientId) && resource === api.appIdUri)) {
      throw new OAuthFailure(
        'invalid_target',
        "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.",
      )
    }
    return requested
  }

  /** v1 has no scopes to request: everything that was consented to at the resource. */
  function grantResource(requested: Grant): Grant {
    const resource = requested.parameters.get('resource') ?? GRAPH
    if (resource !== GRAPH && !apiNames().includes(resource.replace(/\/$/, ''))) throw unknownResource(resource)
    const granted = resource === GRAPH ? GRAPH_SCOPES : api.scopes.map(scope => `${api.appIdUri}/${scope}`)
    return { ...requested, scopes: [...new Set([...requested.scopes, ...granted])] }
  }

  /** Client id of the API that a scope belongs to. A name without a URI is one of Microsoft Graph's. */
  function targetOf(scope: string, { clientId }: AzureClient): string {
    const [, uri, name = ''] = /^(?:(.*)\/)?([^/]*)$/.exec(scope) ?? []
    if (uri === graphOrigin() && name === '.default') return GRAPH
    const known = uri === undefined ? GRAPH_SCOPES : [...api.scopes, '.default']
    if (uri !== undefined && !apiNames().includes(uri)) throw unknownResource(uri)
    const resource = uri === undefined ? GRAPH : api.clientId
    if (known.includes(name)) return resource
    throw new OAuthFailure(
      'invalid_client',
      `AADSTS650053: The application '${clientId}' asked for scope '${name}' that doesn't exist on the resource '${resource}'. Contact the app vendor.`,
    )
  }

  /** Microsoft Graph, as far as it says in which groups somebody is: https://learn.microsoft.com/en-us/graph/api/user-checkmembergroups */
  async function checkMemberGroups(request: Request, { oid }: Readonly<Record<string, string>>): Promise<Response> {
    const refusal = (status: number, code: string) => Response.json({ error: { code, message: code } }, { status })
    if (!graphTokens.has(request.headers.get('authorization') ?? '')) return refusal(401, 'InvalidAuthenticationToken')
    const user = users.find(known => known.oid === oid)
    if (!user) return refusal(404, 'Request_ResourceNotFound')
    const { groupIds } = (await request.json()) as { groupIds: string[] }
    if (groupIds.length > 20) return refusal(400, 'Request_BadRequest')
    return Response.json({ value: groupIds.filter(id => user.groups?.includes(id)) })
  }

  const graphOrigin = () => (options.origin === LOGIN ? 'https://graph.microsoft.com' : emulator.origin)
  const apiNames = () => [api.appIdUri, api.clientId, `api://${api.clientId}`]

  async function issue(grant: Grant, at: string, endpoint: 1 | 2): Promise<JsonObject> {
    const { client } = grant
    const user = grant.user as AzureUser | undefined
    const tenant = SHARED.includes(at) ? tenantOf(user) : at
    const qualified = grant.scopes.filter(scope => !OIDC_SCOPES.includes(scope))
    const names = qualified.map(scope => scope.slice(scope.lastIndexOf('/') + 1))
    const about = { tenant, user: user?.login ?? null, clientId: client.clientId }
    const nonce = grant.parameters.get('nonce') ?? undefined
    const isForGraph =
      qualified.length === 0 || qualified.some(scope => GRAPH_SCOPES.includes(scope) || scope.startsWith(graphOrigin()))
    const scopes = names.includes('.default') ? api.scopes : names
    const expiresIn = 3599
    const accessToken = await (isForGraph
      ? emulator.mintGraphToken({ ...about, scopes })
      : emulator.mint({ ...about, scopes }))
    if (isForGraph) graphTokens.add(`Bearer ${accessToken}`)
    return {
      token_type: 'Bearer',
      ...(user && { scope: qualified.join(' ') }),
      expires_in: endpoint === 1 ? String(expiresIn) : expiresIn,
      ext_expires_in: endpoint === 1 ? String(expiresIn) : expiresIn,
      access_token: accessToken,
      ...(grant.scopes.includes('openid') && {
        id_token:
          endpoint === 1 ? emulator.mintUnsignedIdToken() : await emulator.mintIdToken({ ...about, claims: { nonce } }),
      }),
    }
  }

  function factsOf(version: 1 | 2, given: AzureTokenOptions): TokenFacts {
    const user = given.user === null ? undefined : users.find(({ login }) => !given.user || login === given.user)
    const client = clients.find(({ clientId, clientSecret }) =>
      given.clientId ? clientId === given.clientId : user || clientSecret,
    )
    if (!client) throw new Error('no such client')
    const tid = given.tenant ?? tenantOf(user)
    // Entra ID itself does not always spell it in the same way.
    const v1Audience = () => (v1Audiences++ % 2 === 0 ? api.appIdUri : `${api.appIdUri}/`)
    return {
      issuer: forTenant(version === 1 ? v1Issuer() : issuer(), tid),
      tid,
      audience: version === 1 ? v1Audience() : api.clientId,
      client,
      user,
      scopes: given.scopes ?? api.scopes,
      roles: given.roles ?? (user ? (user.roles ?? []) : (client.roles ?? [])),
      now: Math.floor(now() / 1000),
    }
  }

  const headerOf = (version: 1 | 2, { kid, alg }: SigningKey) =>
    version === 1 ? { typ: 'JWT', alg, x5t: kid, kid } : { typ: 'JWT', alg, kid }
  const defaultKey = () => (api.customSigningKeys ? apiKeys.current : keys.current)

  const web = createEmulator(
    {
      routes: {
        'GET /:tenant/v2.0/.well-known/openid-configuration': metadata(2),
        'GET /:tenant/.well-known/openid-configuration': metadata(1),
        'GET /:tenant/discovery/v2.0/keys': keySet(2),
        'GET /:tenant/discovery/keys': keySet(1),
        'GET /:tenant/oauth2/v2.0/authorize': authorize(2),
        'POST /:tenant/oauth2/v2.0/authorize': authorize(2),
        'POST /:tenant/oauth2/v2.0/token': token(2),
        'GET /:tenant/oauth2/authorize': authorize(1),
        'POST /:tenant/oauth2/authorize': authorize(1),
        'POST /:tenant/oauth2/token': token(1),
        'POST /v1.0/users/:oid/checkMemberGroups': checkMemberGroups,
      },
      documents: {
        'GET /:tenant/v2.0/.well-known/openid-configuration': 'discovery',
        'GET /:tenant/.well-known/openid-configuration': 'discovery',
        'GET /:tenant/discovery/v2.0/keys': 'jwks',
        'GET /:tenant/discovery/keys': 'jwks',
        'POST /:tenant/oauth2/v2.0/token': 'token',
        'POST /:tenant/oauth2/token': 'token',
      },
      origins: ['https://graph.microsoft.com'],
    },
    options,
  )
  const emulator: AzureEmulator = Object.assign(web, {
    tenants,
    api,
    clients,
    keys,
    consumerKeys,
    accessToken(given: AzureTokenOptions = {}) {
      const version = given.version ?? api.requestedAccessTokenVersion ?? 1
      return {
        header: { ...headerOf(version, given.key ?? defaultKey()), ...given.header },
        claims: { ...accessTokenClaims(version, factsOf(version, given)), ...given.claims },
      }
    },
    mint(given: AzureTokenOptions = {}) {
      const { header, claims } = emulator.accessToken(given)
      return signJwt(header, claims, (given.key ?? defaultKey()).privateKey)
    },
    mintIdToken(given: AzureTokenOptions = {}) {
      const version = given.version ?? 2
      const claims = emulator.without('id_token', {
        ...idTokenClaims(version, factsOf(version, given)),
        ...given.claims,
      })
      return signJwt({ ...headerOf(version, keys.current), ...given.header }, claims, keys.current.privateKey)
    },
    mintUnsignedIdToken() {
      return `${encoded({ typ: 'JWT', alg: 'none' })}.${encoded(idTokenClaims(1, factsOf(1, {})))}.`
    },
    async mintGraphToken(given: AzureTokenOptions = {}) {
      const nonce = randomBytes(32).toString('base64url')
      const claims = { aud: GRAPH, app_displayname: 'Client', ...given.claims }
      const token = emulator.accessToken({ version: 1, scopes: GRAPH_SCOPES, ...given, claims })
      const signedNonce = createHash('sha256').update(nonce).digest('base64url')
      const header = { ...token.header, nonce }
      const signed = await signJwt({ ...header, nonce: signedNonce }, token.claims, keys.current.privateKey)
      return `${encoded(header)}${signed.slice(signed.indexOf('.'))}`
    },
  })
  return emulator
}

/** `kty use kid x5t n e x5c issuer`, and no `alg`. */
function keyRingOptions(issuer: () => string) {
  const certificates = new Map<string, [string]>()
  return {
    keyId: () => randomBytes(20).toString('base64url'),
    publish(key: SigningKey, { kty, use, n, e }: JsonObject): JsonObject {
      const x5c = certificates.get(key.kid) ?? certificateOf(key, 'accounts.accesscontrol.windows.net').x5c
      certificates.set(key.kid, x5c)
      return { kty, use, kid: key.kid, x5t: key.kid, n, e, x5c, issuer: issuer() }
    },
  }
}

/** One of the many keys that are published and that no token here is signed with. */
function spareKey(): JsonObject {
  const modulus = randomBytes(256)
  modulus[0] = (modulus[0] as number) | 0x80
  const kid = randomBytes(20).toString('base64url')
  return { kty: 'RSA', use: 'sig', kid, x5t: kid, n: modulus.toString('base64url'), e: 'AQAB', x5c: ['MIIC'] }
}

/** `http://localhost` with any port, where the path is registered; anything else exactly. */
function redirectAllowed(uri: string, { redirectUris = [] }: AzureClient): boolean {
  const portless = uri.replace(/^(http:\/\/localhost):\d+/, '$1')
  return redirectUris.includes(uri) || redirectUris.includes(portless)
}

function unknownResource(uri: string): OAuthFailure {
  return new OAuthFailure(
    'invalid_resource',
    `AADSTS500011: The resource principal named ${uri} was not found in the tenant.`,
  )
}

/** With the members that Entra ID adds to errors. */
function errorBody(body: JsonObject): JsonObject {
  if (body.error === undefined) return body
  const code = /^AADSTS(\d+)/.exec(String(body.error_description))?.[1]
  return {
    ...body,
    error_codes: code === undefined ? [] : [Number(code)],
    timestamp: new Date().toISOString().replace('T', ' ').replace(/\.\d+/, ''),
    trace_id: crypto.randomUUID(),
    correlation_id: crypto.randomUUID(),
  }
}

function cached(body: JsonObject): Response {
  return Response.json(body, { headers: { 'cache-control': 'max-age=86400, private' } })
}

function encoded(part: JsonObject): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

const DEFAULT_TENANTS: readonly AzureTenant[] = [
  { id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301', domain: 'contoso.onmicrosoft.com' },
  { id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', domain: 'fabrikam.onmicrosoft.com' },
]

const DEFAULT_API: AzureApi = {
  clientId: '6731de76-14a6-49ae-97bc-6eba6914391e',
  appIdUri: 'http://localhost:3232/mcp',
  scopes: ['notes:read', 'notes:write', 'notes:admin'],
  requestedAccessTokenVersion: 2,
}

const DEFAULT_USERS: readonly AzureUser[] = [
  { login: 'ada@contoso.example', oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474', name: 'Ada' },
  {
    login: 'finn@fabrikam.example',
    oid: 'a1b2c3d4-0000-4000-8000-00000000f1ff',
    name: 'Finn',
    tid: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  },
]

const azureDefaults = {
  client: { clientId: '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11', redirectUris: ['http://localhost/callback'] },
} as const

const DEFAULT_CLIENTS: readonly AzureClient[] = [
  azureDefaults.client,
  { clientId: '2d4d11a2-f814-46a7-890a-274a72a7309e', clientSecret: 'daemon-secret', roles: ['notes:read'] },
  { clientId: '8f0e5a3c-6a52-4e0b-9a45-54c1e7c0a001', clientSecret: 'idle-secret' },
]
