import { z } from 'zod'
import { providerMeantBy, providerNamed, providerNames } from '../adapters/index.ts'
import { HTTPS_NEEDED } from '../src/adapter-options.ts'
import { parseIpAddress, parseIpRange } from '../src/ip-address.ts'
import { resourceProblem } from '../src/resource.ts'
import { isUrlOfOneHost } from '../src/url.ts'
import { parameterList } from './authorization-parameters.ts'

const wholeNumber = (min: number, max: number) =>
  z.string().transform((text, context) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    const bound = number < min ? `at least ${min}` : `at most ${max}`
    const message = `must be ${Number.isNaN(number) ? `a whole number from ${min} to ${max}` : bound}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be ${values.join(' or ')}` })
const httpUrl = z.url({
  protocol: /^https?$/,
  error: HTTPS_NEEDED,
})
/** With such a name ends the path of an endpoint, and of no issuer. */
const ENDPOINT = /\/(jwks(\.json)?|certs|keys|authorize|(access_)?token|userinfo|introspect)\/?$/
const isEndpoint = (text: string) => ENDPOINT.test(URL.parse(text)?.pathname ?? '')

function isRedisUrl(text: string): boolean {
  const url = isUrlOfOneHost(text.trim()) ? new URL(text.trim()) : undefined
  if (!url || !/^rediss?(\+(cluster|sentinel))?:$/.test(url.protocol) || url.hostname === '') return false
  return !url.protocol.includes('sentinel') || url.pathname.length > 1
}
const port = wholeNumber(1, 65_535)

const listeningAddress = z
  .string()
  .min(1)
  .max(255)
  .refine(
    text => parseIpAddress(text) !== undefined || /^[^\s/:[\]]+$/.test(text),
    'must be an IP address or a host name alone: no http:// before it, no brackets around it, and no port after it, which has a setting of its own',
  )

/** A list that is set and empty: what was to stand there got lost, and the default may let more in. */
const NOTHING_NAMED = 'must name one at least, or not be set'

const list = z
  .string()
  .transform(text => text.split(/[\s,]+/).filter(Boolean))
  .refine(names => names.length > 0, NOTHING_NAMED)
const publicUrls = list.superRefine((urls, context) => {
  for (const url of urls) {
    const problem = resourceProblem(url)
    if (problem) context.addIssue({ code: 'custom', message: urls.length > 1 ? `${url} ${problem}` : problem })
  }
})
const lowerCaseList = list.transform(names => names.map(name => name.toLowerCase()))
/** Schemes that a browser acts upon itself, or that lead to files. */
const NO_APPLICATION = [
  'about',
  'blob',
  'data',
  'file',
  'filesystem',
  'ftp',
  'http',
  'https',
  'javascript',
  'vbscript',
  'ws',
  'wss',
]
const schemes = lowerCaseList
  .transform(names => names.map(name => name.replace(/:(\/\/)?$/, '')))
  .refine(
    names => names.every(name => /^[a-z][a-z0-9+.-]{1,49}$/.test(name) && !NO_APPLICATION.includes(name)),
    'must be schemes of applications, such as acme-desk',
  )
const hosts = lowerCaseList.refine(
  names => names.every(isHost),
  'must be host names, each with its port unless it is 443',
)

/** Hosts that are asked over http; their default port is another one than that of `hosts`. */
const insecureHosts = lowerCaseList.refine(
  names => names.every(isInsecureHost),
  'must be host names without http://, such as keycloak or keycloak:8080',
)

function isInsecureHost(text: string): boolean {
  const url = URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined
  return url !== undefined && [url.host, `${url.hostname}:80`].includes(text) && !text.includes('*')
}

function isHost(text: string): boolean {
  return URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text
}

/** Headers that mean something else. */
const OTHER_HEADERS = [
  'accept',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'dpop',
  'forwarded',
  'host',
  'origin',
  'proxy-authorization',
  'set-cookie',
  'transfer-encoding',
  'user-agent',
  'x-api-key',
]

/** What is said first about names of which one is near to a provider's: the list of all names is long. */
function meant(names: readonly string[]): string {
  const near = names.filter(isUnknown).flatMap(name => providerMeantBy(name) ?? [])
  return near.length > 0 ? `names no provider. Did you mean ${near.join(' and ')}? It ` : ''
}

/** What is said about names that are near to none of ours: a file, a module or a package, most likely. */
function ofOwn(names: readonly string[]): string {
  const isForeign = names.filter(isUnknown).some(name => providerMeantBy(name) === undefined)
  return isForeign ? '; a configuration or adapter of your own goes into AUTH_CONFIG (docs/adapters.md)' : ''
}

const isUnknown = (name: string) => !providerNames.includes(name)

/** A provider has one name in our messages and metrics. */
const canonical = (name: string) => providerNamed(name)?.name ?? name

/**
 * Every setting of the runnable server, under the name of its environment variable. An empty variable counts as not set.
 * The table in `docs/settings.md` is made from this.
 */
export const settingsSchema = z.strictObject({
  AUTH_PROVIDER: list
    .refine(names => names.every(name => providerNamed(name)), {
      error: ({ input: names }) =>
        `${meant(names as string[])}must be one or more of ${providerNames.join(', ')}${ofOwn(names as string[])}`,
    })
    .transform(names => names.map(canonical))
    .default([])
    .describe(
      'Providers whose tokens are accepted, separated by commas; each names a file in config/. Default: the one that AUTH_METADATA_URL belongs to, else demo.',
    ),
  AUTH_METADATA_URL: httpUrl
    .refine(text => !isEndpoint(text), {
      error:
        'is the URL of an endpoint of the provider. Set that of its metadata, which as a rule ends in /.well-known/openid-configuration, or the issuer',
    })
    .optional()
    .describe(
      'Metadata URL or issuer of the provider. Replaces the one in its file, and is enough on its own if the provider can be recognized from it. With demo and one other provider, it belongs to the other one.',
    ),
  AUTH_CONFIG: z
    .string()
    .transform(text =>
      text
        .split(',')
        .map(path => path.trim())
        .filter(Boolean),
    )
    .refine(paths => paths.length > 0, NOTHING_NAMED)
    .default([])
    .describe('Path of your own provider configuration, instead of AUTH_PROVIDER; several separated by commas.'),
  AUTH_SHADOW: z
    .string()
    .refine(name => providerNamed(name) !== undefined || name.endsWith('.json'), {
      error: ({ input }) =>
        `${meant([input as string])}must be one of ${providerNames.join(', ')}, or a file that ends in .json`,
    })
    .transform(canonical)
    .optional()
    .describe(
      'A provider to move to. It validates its own tokens next to the active providers; the results are counted and logged, and change no answer. Named as in AUTH_PROVIDER, or by the path of your own configuration. See docs/migration.md.',
    ),
  AUTH_INSECURE_HOSTS: insecureHosts
    .default([])
    .describe(
      'Hosts that providers may be asked at over http://, separated by commas: keycloak, or keycloak:8080 for one port. Only for hosts inside a network of your own, such as that of Docker or Kubernetes; there is no switch for all. Default: localhost only.',
    ),
  AUTH_CA_FILE: z
    .string()
    .optional()
    .describe(
      'File with certificates (PEM) of authorities of your own, trusted in addition to those of Node for calls to providers, and for a store with TLS. Default: those of Node, and NODE_EXTRA_CA_CERTS.',
    ),
  AUTH_LINKS: z
    .string()
    .optional()
    .describe(
      'File of identity links, written by idplug migrate link: people who sign in with a linked identity find the data of their earlier one. Read again when it changes.',
    ),
  AUTH_API_KEYS_FILE: z
    .string()
    .optional()
    .describe(
      'Path of a JSON file with API keys that are accepted besides tokens, for callers that cannot sign in: hashes, owners and scopes, written by idplug api-keys new. Read again when it changes. See docs/api-keys.md.',
    ),
  AUTH_TOKEN_HEADER: z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'must be the name of a header')
    .refine(name => !OTHER_HEADERS.includes(name), 'must be a header that only the gateway sets')
    .optional()
    .describe(
      'Header in which a gateway in front of the server says who is calling, as a signed JWT: Cf-Access-Jwt-Assertion (Cloudflare Access), X-Goog-IAP-JWT-Assertion (Google IAP), X-Amzn-Oidc-Data (AWS Application Load Balancer). Authorization is then not read. See docs/gateways.md. Default: Authorization.',
    ),
  AUTH_SIGN_IN_SCOPES: list
    .default([])
    .describe(
      'Scopes that clients are told to request at sign-in, separated by commas; all means every scope of the server. For clients that never request more later (docs/clients.md). Does not change what an operation needs. Default: the initial scopes of the server.',
    ),
  AUTH_EXTRA_SCOPES: list
    .default([])
    .describe(
      'Scopes that clients are told to request besides those of the server, such as openid, as the provider spells them.',
    ),
  AUTH_RESOURCE: list
    .default([])
    .describe(
      'Path of a JSON file that declares the server: its name, scopes and access rules; several separated by commas (docs/own-server.md). The commands and idplug authorization-server read it; your own server passes its declaration to createAuth.',
    ),
  AUTH_BRIDGE: oneOf(['on', 'off'])
    .default('off')
    .describe(
      'Whether our authorization server sits between MCP clients and AUTH_PROVIDER: it signs people in there through a single client of its own, and issues the tokens itself. See docs/bridge.md.',
    ),
  BRIDGE_CLIENT_ID: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Client id of the bridge at the provider; its redirect URI there is AUTH_SERVER_URL/oauth/callback.'),
  BRIDGE_CLIENT_SECRET: z
    .string()
    .min(1)
    .max(2_000)
    .optional()
    .describe('Secret for that client id. BRIDGE_CLIENT_SECRET_FILE can name a file that holds it instead.'),
  BRIDGE_CLIENT_KEY: z
    .string()
    .min(1)
    .max(20_000)
    .optional()
    .describe(
      'Private key (PEM or JWK) with which the bridge signs that it is that client, instead of a secret (private_key_jwt). A certificate may stand in the same PEM. BRIDGE_CLIENT_KEY_FILE can name a file that holds it instead.',
    ),
  BRIDGE_CLIENT_CERTIFICATE_FILE: z
    .string()
    .optional()
    .describe(
      'File with the certificate (PEM) of that key, for providers that know the key by it (Entra ID). Default: the one in the same PEM, if there is any.',
    ),
  BRIDGE_CLIENT_ASSERTION_FILE: z
    .string()
    .optional()
    .describe(
      'File with a token of the platform that the bridge runs on, sent instead of a secret (federated credentials, workload identity). Read again for each request. Default with AUTH_PROVIDER=azure and without secret and key: AZURE_FEDERATED_TOKEN_FILE.',
    ),
  BRIDGE_ALLOW: list
    .default([])
    .describe(
      'Who may sign in through the bridge, separated by commas: everyone, user:ID, ada@example.com, @example.com, tenant:ID, org:ID, group:NAME, role:NAME. Which of these a provider supports: docs/bridge.md.',
    ),
  BRIDGE_GRANT_SCOPES: list
    .default([])
    .describe('Scopes that people may grant to their MCP clients through the bridge.'),
  BRIDGE_GRANT_TO: list
    .default(['everyone'])
    .describe('Who may grant them, written as in BRIDGE_ALLOW; everyone means everybody who may sign in.'),
  BRIDGE_SCOPES: list.default([]).describe('Extra scopes that the bridge requests from the provider, such as groups.'),
  BRIDGE_PARAMETERS: parameterList
    .default({})
    .describe(
      'Further parameters of the authorization request at the provider, as name=value, separated by commas: prompt, login_hint, domain_hint, acr_values (a wish, which is not checked), organization. What the bridge sets itself (scope, state, redirect_uri) is refused.',
    ),
  BRIDGE_LOOK_UP_GROUPS: oneOf(['on', 'off'])
    .default('off')
    .describe(
      'Whether groups that are too many for an ID token of Entra ID are looked up at Microsoft Graph, with the client id and secret of the bridge. Needs the application permissions GroupMember.Read.All and User.Read.All.',
    ),
  BRIDGE_CONFIG: z
    .string()
    .optional()
    .describe(
      'Path of a JSON file with allow, several grants, scopes, parameters, groupsClaim and rolesClaim; replaces those settings.',
    ),
  BRIDGE_RECHECK_SECONDS: wholeNumber(60, 86_400)
    .default(3_600)
    .describe(
      'How long access tokens of the bridge live. Each refresh asks the provider about the person, so somebody who was removed there keeps access for this long at most.',
    ),
  BRIDGE_MAX_AGE_SECONDS: wholeNumber(60, 31_536_000)
    .default(28_800)
    .describe(
      'Time after which people must sign in again if the provider gives the bridge no refresh token, or if refreshes no longer say who they are and what rules go by.',
    ),
  SIGN_IN_IDLE_SECONDS: wholeNumber(3_600, 31_536_000)
    .default(2_592_000)
    .describe(
      'How long a client that is not used may keep somebody signed in: the life of a refresh token of our authorization server, which each refresh replaces.',
    ),
  SIGN_IN_MAX_SECONDS: wholeNumber(3_600, 315_360_000)
    .optional()
    .describe(
      'Time after which people sign in again at our authorization server, however often their client refreshed. Default: no limit; each refresh of a bridge asks the provider about the person.',
    ),
  BRIDGE_ASSERTION_ISSUER: httpUrl
    .optional()
    .describe(
      'Issuer of identity assertions (ID-JAG) that are accepted instead of a sign-in, compared byte for byte: the provider of the bridge, if the enterprise manages there which clients may act for whom. Default: none are accepted.',
    ),
  BRIDGE_KEYS: z
    .string()
    .optional()
    .describe(
      'Keys (32 bytes each, base64, separated by commas) that encrypt what the authorization server stores and others must not read: provider tokens, client secrets, signing keys. The first encrypts; the others only decrypt what earlier keys encrypted. BRIDGE_KEYS_FILE can name a file that holds them instead. Default: a key in AUTH_DATA_DIR; without one, a key generated at startup.',
    ),
  AUTH_MODE: oneOf(['beside', 'embedded', 'separate'])
    .optional()
    .describe(
      'Where our authorization server runs: on a second port of this process (beside), on the port of the MCP server (embedded), or as a separate process (separate: idplug authorization-server). Default: beside for npm start, embedded in your own server.',
    ),
  AUTH_SERVER_HOST: listeningAddress
    .optional()
    .describe(
      'Address that our authorization server listens on with AUTH_MODE=beside. Default: HOST for npm start; in your own server 127.0.0.1, or every address if AUTH_SERVER_URL is not on this machine.',
    ),
  AUTH_SERVER_PORT: port
    .default(3001)
    .describe(
      'Port of our authorization server. Default for idplug authorization-server: PORT, if the environment sets it (a PORT in .env is that of the MCP server).',
    ),
  AUTH_SERVER_URL: httpUrl
    .optional()
    .describe(
      'Issuer of the demo authorization server, spelled as clients will compare it. Default: http://localhost:AUTH_SERVER_PORT; with AUTH_MODE=embedded the first PUBLIC_URL.',
    ),
  AUTH_SERVER_INTERNAL_URL: httpUrl
    .optional()
    .describe(
      'Where the MCP server reaches our authorization server with AUTH_MODE=separate, if that is not AUTH_SERVER_URL: http://authorization-server:3001 inside a network of containers, with AUTH_INSECURE_HOSTS=authorization-server. Set it on both servers; clients never see it.',
    ),
  ACCESS_TOKEN_FORMAT: oneOf(['opaque', 'jwt'])
    .default('opaque')
    .describe(
      'Access tokens of the demo authorization server: opaque tokens are introspected (RFC 7662), jwt tokens are verified by key (RFC 9068).',
    ),
  REVOKE_BEFORE: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-11-21T08:00:00Z' })
    .transform(text => new Date(text))
    .refine(time => time.getTime() <= Date.now(), 'must not be in the future: nobody could sign in until then')
    .optional()
    .describe(
      'A time such as 2026-11-21T08:00:00Z. Every token, code and grant that the bridge or the demo authorization server issued earlier becomes invalid, and everybody signs in again. Set it on both servers. See docs/runbooks/token-leak.md.',
    ),
  REGISTRATION: oneOf(['on', 'off'])
    .default('on')
    .describe('Whether clients may register themselves at the authorization server (RFC 7591).'),
  REGISTRATION_LIMIT: wholeNumber(1, 1_000_000)
    .default(120)
    .describe('Registrations that one address may make in 10 minutes, in each process.'),
  TRUSTED_PROXIES: list
    .refine(ranges => ranges.every(parseIpRange), 'must be IP addresses or ranges such as 10.0.0.0/8')
    .default([])
    .describe(
      'Addresses and CIDR ranges of your proxies, separated by commas. Their X-Forwarded-For is trusted to say who asks the authorization server, and who sends a token that the provider must be asked about. Without this setting, everybody behind a proxy shares one limit and one turn.',
    ),
  CIMD: oneOf(['on', 'off'])
    .default('on')
    .describe('Whether clients may publish a metadata document (Client ID Metadata Documents) instead of registering.'),
  CIMD_ALLOWED_HOSTS: hosts
    .default([])
    .describe(
      'The only hosts whose documents are fetched, separated by commas; with the port unless it is 443. Default: every public host. The HTTPS_PROXY is asked for these hosts by name, and for all others by the address that was checked.',
    ),
  CIMD_PRIVATE_HOSTS: hosts
    .default([])
    .describe(
      'Hosts whose documents are fetched even though their address is inside your network, and never through a proxy. Also for trying out a client on localhost.',
    ),
  CLIENT_REDIRECT_HOSTS: hosts
    .default([])
    .describe(
      'The only hosts on the web to which clients that you did not set up may have people sent back, separated by commas; with the port unless it is 443. Programs on the computer of the person are not affected. Default: every host.',
    ),
  CLIENT_REDIRECT_SCHEMES: schemes
    .default([])
    .describe(
      'Schemes of applications of your own that clients may have people sent back to, separated by commas, such as acme-desk. Schemes made from a domain name (com.example.app) and those of well-known applications work without.',
    ),
  AUTH_CLIENTS_FILE: z
    .string()
    .optional()
    .describe(
      'Path of a JSON file with clients of the authorization server that you set up: machines, agents, and applications that sign people in (docs/clients.md).',
    ),
  AUTH_BRANDING: z
    .string()
    .optional()
    .describe(
      'Path of a JSON file with the name, logo, colors and links that the pages of our authorization server show (docs/bridge.md). Read at the start; colors that cannot be read well stop it.',
    ),
  DANGEROUSLY_ALLOW_FAKE_SIGN_IN: oneOf(['on', 'off'])
    .default('off')
    .describe(
      'Allows the demo sign-in, which lets anybody in as anybody, even if others can reach it: under a public name, on an address other than loopback, or with NODE_ENV=production.',
    ),
  DEMO_RS_CLIENT_ID: z
    .string()
    .min(1)
    .max(200)
    .default('mcp-server')
    .describe('Client id that the MCP server uses for introspection at the demo authorization server.'),
  DEMO_RS_CLIENT_SECRET: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(500)
    .optional()
    .describe(
      'Secret for that client id. DEMO_RS_CLIENT_SECRET_FILE can name a file that holds it instead. Required if the two servers are separate processes and not both on localhost; otherwise generated at startup.',
    ),
  AUTH_STORE: oneOf(['memory', 'sqlite', 'redis', 'postgres'])
    .optional()
    .describe(
      'Where the state of the authorization server, the notes and used DPoP proofs are kept. Default: redis if REDIS_URL is set, postgres if DATABASE_URL is (not in a server of your own, whose database that may be), sqlite if AUTH_DATA_DIR is; otherwise memory, but sqlite for npm start and idplug authorization-server with the demo or a bridge, unless NODE_ENV=production.',
    ),
  AUTH_DATA_DIR: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Folder of the SQLite file and of the key that encrypts secrets in it. Several processes of one machine can share it. Default with AUTH_STORE=sqlite and npm start: .idplug in the current folder.',
    ),
  DATABASE_URL: z
    .string()
    .min(1)
    .max(2000)
    .optional()
    .describe(
      'PostgreSQL that stores the same, shared by several processes: postgres://user:password@host/database?sslmode=verify-full. Run npx idplug store migrate first. DATABASE_URL_FILE can name a file that holds it instead.',
    ),
  REDIS_URL: z
    .string()
    .refine(text => text.split(',').every(isRedisUrl), {
      error:
        'must be a URL such as redis://host, redis+cluster://host or redis+sentinel://host/name (rediss for TLS); several separated by commas for the nodes of a cluster, or Sentinels. In a password, write # / ? % @ : , as %23 %2F %3F %25 %40 %3A %2C',
    })
    .optional()
    .describe(
      'Redis that stores the state of the authorization server and the notes, so that several processes share them and they survive a restart; redis://host, redis+cluster://host, or redis+sentinel://host:26379/name for servers that Sentinels watch; rediss for TLS, and several nodes or Sentinels separated by commas. Redis 6.0 or later. REDIS_URL_FILE can name a file that holds it instead.',
    ),
  REDIS_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'must be 1 to 40 letters, digits, dots, dashes or underscores')
    .default('idplug')
    .describe('Prefix of all keys in Redis, for sharing it with other programs.'),
  PORT: port.default(3232).describe('Port of the MCP server.'),
  HOST: listeningAddress.default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  PUBLIC_URL: publicUrls
    .default([])
    .describe(
      'URL under which clients reach the MCP server, without the path of its endpoint; it may have a path of its own (https://example.com/team-a). Several are separated by commas: the Host header picks the one that metadata and challenges name, and the first is canonical. Default: http://localhost:PORT.',
    ),
  MCP_SESSIONS: oneOf(['on', 'off'])
    .default('on')
    .describe('Sessions for clients of revision 2025-11-25 and older; turn off if several processes share the load.'),
  MCP_SESSION_IDLE_SECONDS: wholeNumber(10, 86_400)
    .default(1_800)
    .describe('A session that is idle for this long ends.'),
  MCP_MAX_SESSIONS: wholeNumber(1, 1_000_000).default(10_000).describe('Maximum number of open sessions.'),
  ALLOWED_HOSTS: list
    .refine(names => !names.some(name => name.includes('/')), 'must be host names, without https://')
    .default([])
    .describe('More values of the Host header to accept, separated by commas.'),
  ALLOWED_ORIGINS: list
    .refine(
      names => names.every(name => /^([\w+.-]+:\/\/[^/]+|null|\*)$/.test(name)),
      'must be origins (https://app.example.com, no slash at the end) or *',
    )
    .default([])
    .describe('Origins of web pages that may call the server, separated by commas; * for any.'),
  BODY_LIMIT_BYTES: wholeNumber(1_024, 100_000_000).default(1_048_576).describe('Maximum size of a request body.'),
  DPOP: oneOf(['optional', 'required', 'off'])
    .default('optional')
    .describe(
      'Whether tokens bound to a key of the client (DPoP, RFC 9449) are accepted together with a proof; required refuses all other tokens.',
    ),
  DPOP_NONCE_SECRET: z
    .string()
    .min(32, 'must have at least 32 characters')
    .max(500)
    .optional()
    .describe(
      'Makes clients put a nonce from this server into each DPoP proof; must be the same in all processes. DPOP_NONCE_SECRET_FILE can name a file that holds it instead. Default: no nonces.',
    ),
  TOKEN_CACHE_SECONDS: wholeNumber(0, 3_600)
    .default(30)
    .describe(
      'How long an accepted token is cached, and so how long its revocation may go unnoticed; 0 validates every time.',
    ),
  TOKEN_CACHE_ENTRIES: wholeNumber(1, 10_000_000).default(10_000).describe('Maximum number of cached tokens.'),
  CLOCK_TOLERANCE_SECONDS: wholeNumber(0, 300).default(5).describe('Allowed clock skew for exp, nbf and iat.'),
  PROVIDER_TIMEOUT_SECONDS: wholeNumber(1, 60).default(5).describe('Maximum wait for one answer from the provider.'),
  DRAIN_SECONDS: wholeNumber(0, 300)
    .optional()
    .describe(
      'How long the process goes on answering after SIGTERM while /ready already says 503, so that load balancers stop sending requests before the port closes. Ctrl+C (SIGINT) does not wait. Default: 5, or 0 at a terminal.',
    ),
  METRICS_PORT: port
    .optional()
    .describe(
      'Port for /metrics alone, on HOST; keep it inside your network. Each process needs one of its own. Default: none.',
    ),
  METRICS_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(500)
    .optional()
    .describe(
      'Bearer token that /metrics asks for. METRICS_TOKEN_FILE can name a file that holds it instead. Default: without METRICS_PORT or this token, /metrics exists only where nobody but this machine can reach the server.',
    ),
  AUTH_WATCH: z
    .string()
    .refine(() => globalThis.navigator?.userAgent !== 'Cloudflare-Workers', 'cannot be used on Workers: remove it')
    .optional()
    .describe(
      'Path of the socket on which idplug watch listens; on Windows the name of a pipe, such as \\\\.\\pipe\\idplug. Each request of a client that connects is written to it, without tokens and secrets, while somebody watches. See docs/watch.md. Default: nothing is written.',
    ),
  LOG_LEVEL: oneOf(['silent', 'error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('Lowest level that is logged.'),
})

/** Settings of the program alone. In a server of the user's own they are the user's: `PORT` may be anything there. */
export const programSettings = [
  'AUTH_RESOURCE',
  'DRAIN_SECONDS',
  'HOST',
  'LOG_LEVEL',
  'MCP_MAX_SESSIONS',
  'MCP_SESSION_IDLE_SECONDS',
  'MCP_SESSIONS',
  'METRICS_PORT',
  'METRICS_TOKEN',
  'PORT',
] as const satisfies readonly SettingName[]

/** Settings that decide who signs people in, and so whose settings are read at all. When one is lost, it is the demo, which lets everybody in. */
export const decidingSettings = [
  'AUTH_PROVIDER',
  'AUTH_CONFIG',
  'AUTH_METADATA_URL',
  'AUTH_SHADOW',
  'AUTH_BRIDGE',
] as const satisfies readonly SettingName[]

export type Settings = z.output<typeof settingsSchema>
export type SettingName = keyof Settings

/** Settings that hold a secret; each may be read from the file that `NAME_FILE` names. */
export const secretSettings = [
  'BRIDGE_CLIENT_SECRET',
  'BRIDGE_CLIENT_KEY',
  'BRIDGE_KEYS',
  'DEMO_RS_CLIENT_SECRET',
  'DATABASE_URL',
  'REDIS_URL',
  'DPOP_NONCE_SECRET',
  'METRICS_TOKEN',
] as const satisfies readonly SettingName[]
