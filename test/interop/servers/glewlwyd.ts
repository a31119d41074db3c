import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { exportJWK, generateKeyPair } from 'jose'
import { freePort } from '../../support/http.ts'
import { accepted, bridge, direct, introspection, NOT_YET_VALID, says, type TokenMode } from '../modes.ts'
import { askForTokens } from '../support/code-flow.ts'
import { createDaemon } from '../support/daemon.ts'
import {
  ALL_SCOPES,
  CALLBACK,
  type Definition,
  type InteropServer,
  LIFETIME_SECONDS,
  OTHER_RESOURCE,
  PEOPLE,
  RESOURCE,
  SCOPES,
} from './server.ts'
import { chosenClients, createStandardServer, revokeAt } from './standard-server.ts'

/** Who has it may ask about tokens. */
const INTROSPECTION_SCOPE = 'introspection'

const MODULES = ['user', 'client', 'plugin'] as const

/** As in `/etc/glewlwyd`, with a database of its own. It insists on certificates also where it does not use them. */
function configurationFile(origin: string, folder: string): string {
  return `
    port=${new URL(origin).port}
    bind_address="127.0.0.1"
    external_url="${origin}"
    login_url="login.html"
    api_prefix="api"
    log_mode="console"
    log_level="ERROR"
    cookie_secure=0
    session_expiration=2419200
    session_key="GLEWLWYD2_SESSION_ID"
    admin_scope="g_admin"
    profile_scope="g_profile"
    ${MODULES.map(name => `${name}_module_path="/usr/lib/glewlwyd/${name}"`).join('\n')}
    user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
    use_secure_connection=false
    secure_connection_key_file="unused"
    secure_connection_pem_file="unused"
    secure_connection_ca_file="unused"
    hash_algorithm="SHA512"
    database={ type="sqlite3"; path="${folder}/database"; };
  `
}

async function newKeys(): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return JSON.stringify({ keys: [{ ...(await exportJWK(privateKey)), kid: crypto.randomUUID(), alg: 'RS256' }] })
}

/** Of the plugin for OpenID Connect; what is not here is off. */
async function pluginParameters(issuer: string): Promise<object> {
  const resources = [RESOURCE, OTHER_RESOURCE]
  return {
    iss: issuer,
    'jwks-private': await newKeys(),
    'jwks-show': true,
    'access-token-duration': LIFETIME_SECONDS,
    'refresh-token-duration': 86_400,
    'code-duration': 600,
    'auth-type-code-enabled': true,
    'auth-type-client-enabled': true,
    'allow-non-oidc': true,
    'auth-type-refresh-enabled': true,
    'pkce-allowed': true,
    'introspection-revocation-allowed': true,
    'introspection-revocation-allow-target-client': true,
    'introspection-revocation-auth-scope': [INTROSPECTION_SCOPE],
    'oauth-as-iss-id': true,
    'resource-allowed': true,
    'resource-scope': Object.fromEntries(['openid', ...SCOPES].map(scope => [scope, resources])),
    'subject-type': 'public',
    'allowed-scope': ['openid', 'offline_access', INTROSPECTION_SCOPE, ...SCOPES],
  }
}

async function create(bridgeCallback: string) {
  const origin = `http://localhost:${await freePort()}`
  const issuer = `${origin}/api/oidc`
  const folder = mkdtempSync(join(tmpdir(), 'glewlwyd-'))
  const database = new DatabaseSync(join(folder, 'database'))
  database.exec(readFileSync('/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3', 'utf8'))
  database.close()
  writeFileSync(join(folder, 'glewlwyd.conf'), configurationFile(origin, folder))
  const daemon = createDaemon({
    command: '/usr/bin/glewlwyd',
    args: ['-c', join(folder, 'glewlwyd.conf')],
    url: `${origin}/config`,
  })

  async function call(method: string, path: string, body?: object, cookie = ''): Promise<Response> {
    const response = await fetch(`${origin}/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json', cookie },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  /** @returns The cookie of the session. */
  async function logIn(username: string, password: string): Promise<string> {
    const response = await call('POST', 'auth/', { username, password })
    return response.headers
      .getSetCookie()
      .map(line => line.split(';')[0])
      .join('; ')
  }
  const asAdmin = async (method: string, path: string, body?: object) =>
    call(method, path, body, await logIn('admin', 'password'))

  async function setUp(): Promise<void> {
    const scopes = [...SCOPES, 'offline_access']
    for (const name of [...scopes, INTROSPECTION_SCOPE])
      await asAdmin('POST', 'scope/', { name, display_name: name, password_required: false, scheme: {} })
    await asAdmin('POST', 'mod/plugin/', {
      module: 'oidc',
      name: 'oidc',
      display_name: 'OpenID Connect',
      parameters: await pluginParameters(issuer),
    })
    for (const username of PEOPLE) {
      await asAdmin('POST', 'user/', {
        username,
        name: username,
        password: `password-of-${username}`,
        scope: ['openid', 'g_profile', ...scopes],
      })
    }
    const callbacks: Partial<Record<string, string>> = { ours: CALLBACK, other: CALLBACK, bridge: bridgeCallback }
    for (const [name, { id, secret }] of Object.entries(chosenClients)) {
      const callback = callbacks[name]
      await asAdmin('POST', 'client/', {
        client_id: id,
        name,
        password: secret,
        confidential: true,
        token_endpoint_auth_method: ['client_secret_basic', 'client_secret_post'],
        scope: callback ? [] : [...SCOPES, INTROSPECTION_SCOPE],
        redirect_uri: callback ? [callback] : [],
        authorization_type: callback ? ['code', 'refresh_token', 'client_credentials'] : ['client_credentials'],
      })
    }
  }

  let isSetUp = false
  const server = createStandardServer({
    issuer,
    async start() {
      await daemon.start()
      if (isSetUp) return
      isSetUp = true
      await setUp()
    },
    stop: daemon.stop,
    async end() {
      await daemon.stop()
      rmSync(folder, { recursive: true })
    },
    scope: ALL_SCOPES,
    takesResource: true,
    hasMachines: true,
    async signIn(url, person) {
      const cookie = await logIn(person, `password-of-${person}`)
      const client = url.searchParams.get('client_id')
      await call('PUT', `auth/grant/${client}`, { scope: url.searchParams.get('scope') }, cookie)
      url.searchParams.set('g_continue', '')
      const answer = await fetch(url, { headers: { cookie }, redirect: 'manual' })
      return new URL(answer.headers.get('location') ?? '')
    },
  })
  let introspectionToken = ''
  return {
    ...server,
    async start() {
      await server.start()
      const body = { grant_type: 'client_credentials', scope: INTROSPECTION_SCOPE }
      introspectionToken = (await askForTokens(await server.endpoints(), server.clients.introspector, body)).access
    },
    introspectionToken: () => introspectionToken,
    revoke: (token: string) => revokeAt(server.endpoints(), server.clients.ours, token),
    async replaceKeys() {
      const plugin = (await (await asAdmin('GET', 'mod/plugin/oidc')).json()) as { parameters: object }
      await asAdmin('PUT', 'mod/plugin/oidc', {
        ...plugin,
        parameters: { ...plugin.parameters, 'jwks-private': await newKeys() },
      })
      await asAdmin('PUT', 'mod/plugin/oidc/reset')
    },
    removePerson: async (person: string) => void (await asAdmin('DELETE', `user/${person}`)),
  }
}

const NOT_BEFORE = says(
  [NOT_YET_VALID, accepted('ada', 'client ours', ALL_SCOPES)],
  'its tokens say that they are valid from when they were issued',
)

export const glewlwyd: Definition = {
  name: 'Glewlwyd',
  version: '2.7.5',
  from: { debian: 'glewlwyd' },
  setUp:
    'SQLite, the plugin `oidc` with resource indicators, and a scope for introspection; once more with an access token at that endpoint',
  create,
  modes: [
    direct(
      {
        'with our clock 40 seconds behind, a fresh token is accepted': NOT_BEFORE,
      },
      { scopes: ALL_SCOPES },
    ),
    byEndpoint(),
    withBearer(byEndpoint()),
    bridge(),
  ],
}

/** Its client may ask about the tokens of others because it may have the scope for that. */
function byEndpoint(): TokenMode {
  return introspection(
    { 'with our clock 40 seconds behind, a fresh token is accepted': NOT_BEFORE },
    { scopes: ALL_SCOPES, INTROSPECTION_TOKENS_WITHOUT_SUBJECT: 'client' },
  )
}

/** RFC 7662 §2.1: an access token in place of the credentials of a client. */
function withBearer(mode: TokenMode): TokenMode {
  const settings = (server: InteropServer) => ({
    ...mode.settings(server),
    INTROSPECTION_AUTH_METHOD: 'bearer',
    INTROSPECTION_CLIENT_SECRET: server.introspectionToken?.() ?? '',
  })
  return { ...mode, settings }
}
