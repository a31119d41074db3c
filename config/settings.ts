import { isIP } from 'node:net'
import { z } from 'zod'
import { adapterNamed, adapters } from '../adapters/index.ts'
import { didYouMean } from '../src/closest.ts'
import { resourceProblem } from '../src/resource.ts'

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .transform(text => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN))
    .pipe(
      z
        .int({ error: `must be a whole number from ${min} to ${max}` })
        .min(min, `must be ${min} at least`)
        .max(max, `must be ${max} at most`),
    )
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be ${values.join(' or ')}` })
const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'must be a URL that starts with https:// (or http:// on localhost)',
})
function isRedisUrl(text: string): boolean {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  return url !== undefined && /^rediss?:$/.test(url.protocol) && url.hostname !== ''
}
const port = wholeNumber(1, 65_535)
const publicUrls = z
  .string()
  .transform(text => text.split(/[\s,]+/).filter(Boolean))
  .superRefine((urls, context) => {
    for (const url of urls) {
      const problem = resourceProblem(url)
      if (problem) context.addIssue({ code: 'custom', message: urls.length > 1 ? `${url} ${problem}` : problem })
    }
  })
const hosts = z
  .string()
  .transform(text =>
    text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean),
  )
  .refine(names => names.every(isHost), 'must be host names, each with its port unless that is 443')
const list = z.string().transform(text => text.split(/[\s,]+/).filter(Boolean))

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const most = isIP(address) === 4 ? 32 : 128
  return (
    isIP(address) !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  )
}

function isHost(text: string): boolean {
  return URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text
}

const providerNames = adapters.map(({ name }) => name)

/** Of names that are none of a provider: those that were most likely meant. */
function meant(names: readonly string[]): string {
  return names.map(name => (providerNames.includes(name) ? '' : didYouMean(name, providerNames))).join('')
}

/**
 * Every setting of the runnable server, under the name of its environment variable. An empty variable counts as not set.
 * The table in `docs/settings.md` is made from this.
 */
export const settingsSchema = z.strictObject({
  AUTH_PROVIDER: list
    .refine(names => names.every(name => adapterNamed(name)), {
      error: ({ input }) => `must name providers out of ${providerNames.join(', ')}${meant(input as string[])}`,
    })
    .default([])
    .describe(
      'Providers whose tokens are accepted, separated by commas; each names a file in config/. Default: the one that AUTH_METADATA_URL belongs to, else demo.',
    ),
  AUTH_METADATA_URL: httpUrl
    .optional()
    .describe(
      'Metadata URL or issuer of the provider; put in place of the one in its file, and enough by itself where the provider can be told by it. With demo and one other provider it is that of the other.',
    ),
  AUTH_CONFIG: z
    .string()
    .transform(text =>
      text
        .split(',')
        .map(path => path.trim())
        .filter(Boolean),
    )
    .default([])
    .describe('Path of a provider configuration of your own, instead of AUTH_PROVIDER; several separated by commas.'),
  AUTH_SHADOW: z
    .string()
    .refine(name => adapterNamed(name) !== undefined || name.endsWith('.json'), {
      error: ({ input }) =>
        `must name one provider out of ${providerNames.join(', ')}, or a file that ends in .json${meant([input as string])}`,
    })
    .optional()
    .describe(
      'A provider to move to: it validates its own tokens beside those in force, which is counted and logged and changes no answer. Named as in AUTH_PROVIDER, or by the path of a configuration of your own. See docs/migration.md.',
    ),
  AUTH_LINKS: z
    .string()
    .optional()
    .describe(
      'File of identity links that idplug migrate link has written: who signs in with a linked identity finds the notes of the former one. Read again when it changes.',
    ),
  AUTH_SIGN_IN_SCOPES: list
    .default([])
    .describe(
      'Scopes that clients are told to ask for at sign-in, separated by commas; all for every scope of the server. For clients that never ask for more later (docs/clients.md). What an operation needs stays the same. Default: the initial scopes of the server.',
    ),
  AUTH_EXTRA_SCOPES: list
    .default([])
    .describe(
      'Scopes that clients are told to request besides those of the server, such as openid, as the provider spells them.',
    ),
  AUTH_RESOURCE: list
    .default([])
    .describe(
      'Path of a JSON file that declares the server: its name, scopes and access rules (docs/own-server.md). Read by commands only; a server of your own passes its declaration to createAuth.',
    ),
  AUTH_BRIDGE: oneOf(['on', 'off'])
    .default('off')
    .describe(
      'Whether our authorization server stands between MCP clients and AUTH_PROVIDER: it signs people in there with one client of its own, and issues the tokens itself. See docs/bridge.md.',
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
    .describe('Secret to that client id. May be named by BRIDGE_CLIENT_SECRET_FILE instead.'),
  BRIDGE_ALLOW: list
    .default([])
    .describe(
      'Who may enter through the bridge, separated by commas: everyone, user:ID, ada@example.com, @example.com, tenant:ID, org:ID, group:NAME, role:NAME. Which of them a provider has: docs/bridge.md.',
    ),
  BRIDGE_GRANT_SCOPES: list
    .default([])
    .describe('Scopes that people may hand to their MCP clients through the bridge.'),
  BRIDGE_GRANT_TO: list
    .default(['everyone'])
    .describe('Who may hand them out, in the words of BRIDGE_ALLOW; everyone stands for all who may enter.'),
  BRIDGE_SCOPES: list
    .default([])
    .describe('Scopes that the bridge requests from the provider besides those that it needs, such as groups.'),
  BRIDGE_CONFIG: z
    .string()
    .optional()
    .describe(
      'Path of a JSON file with allow, several grants, scopes, groupsClaim and rolesClaim, in place of those settings.',
    ),
  BRIDGE_RECHECK_SECONDS: wholeNumber(60, 86_400)
    .default(3_600)
    .describe(
      'How long access tokens of the bridge live. Each refresh asks the provider about the person, so this is the longest time for which somebody who was removed there still gets in.',
    ),
  BRIDGE_MAX_AGE_SECONDS: wholeNumber(60, 31_536_000)
    .default(28_800)
    .describe(
      'Time after which people sign in again where the provider gives the bridge no refresh token to ask with.',
    ),
  BRIDGE_ASSERTION_ISSUER: httpUrl
    .optional()
    .describe(
      'Issuer of identity assertions (ID-JAG) that are taken in place of a sign-in, byte for byte: the provider of the bridge, where the enterprise manages which clients may act for whom. Default: none are taken.',
    ),
  BRIDGE_KEYS: z
    .string()
    .optional()
    .describe(
      'Keys of 32 bytes in base64, separated by commas, under which the bridge keeps refresh tokens of the provider; the first one encrypts, the others are of before. May be named by BRIDGE_KEYS_FILE instead. Default: one made at the start.',
    ),
  AUTH_MODE: oneOf(['beside', 'embedded', 'separate'])
    .optional()
    .describe(
      'Where our authorization server runs: on a second port of this process (beside), on the port of the MCP server (embedded), or as a process of its own (separate: npm run demo-as). Default: beside for npm start, embedded in a server of your own.',
    ),
  AUTH_SERVER_HOST: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Address that our own authorization server listens on with AUTH_MODE=beside. Default: HOST for npm start; in a server of your own 127.0.0.1, or every address where AUTH_SERVER_URL is not on this machine.',
    ),
  AUTH_SERVER_PORT: port.default(3001).describe('Port of the demo authorization server.'),
  AUTH_SERVER_URL: httpUrl
    .optional()
    .describe(
      'Issuer of the demo authorization server, spelled as clients will compare it. Default: http://localhost:AUTH_SERVER_PORT; with AUTH_MODE=embedded the origin of PUBLIC_URL.',
    ),
  ACCESS_TOKEN_FORMAT: oneOf(['opaque', 'jwt'])
    .default('opaque')
    .describe(
      'Access tokens of the demo authorization server: opaque ones are introspected (RFC 7662), jwt ones verified by key (RFC 9068).',
    ),
  REVOKE_BEFORE: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-11-21T08:00:00Z' })
    .transform(text => new Date(text))
    .refine(time => time.getTime() <= Date.now(), 'must not lie in the future: nobody could sign in until then')
    .optional()
    .describe(
      'Time such as 2026-11-21T08:00:00Z: every token, code and grant that the bridge or the demo authorization server issued before it is void, and everybody signs in again. Set it at both servers. See docs/runbooks/token-leak.md.',
    ),
  REGISTRATION: oneOf(['on', 'off'])
    .default('on')
    .describe('Whether clients may register themselves at the authorization server (RFC 7591).'),
  REGISTRATION_LIMIT: wholeNumber(1, 1_000_000)
    .default(120)
    .describe('Registrations that one address may make in 10 minutes, at each process.'),
  TRUSTED_PROXIES: list
    .refine(ranges => ranges.every(isAddressRange), 'must be IP addresses or ranges such as 10.0.0.0/8')
    .default([])
    .describe(
      'Addresses and CIDR ranges of your proxies, separated by commas: their X-Forwarded-For says who registers. Without it, all who come through a proxy share its limit.',
    ),
  CIMD: oneOf(['on', 'off'])
    .default('on')
    .describe(
      'Whether clients may be known by a metadata document that they publish (Client ID Metadata Documents) instead of registering.',
    ),
  CIMD_ALLOWED_HOSTS: hosts
    .default([])
    .describe(
      'Only documents of these hosts are fetched, separated by commas; with a port where it is not 443. Default: of every public host. Behind HTTPS_PROXY these are asked for by name, all others by the address that was checked.',
    ),
  CIMD_PRIVATE_HOSTS: hosts
    .default([])
    .describe(
      'Hosts whose documents are fetched though their address is inside your network, and never through a proxy; also for trying out a client on localhost.',
    ),
  AUTH_CLIENTS_FILE: z
    .string()
    .optional()
    .describe(
      'Path of a JSON file with clients of the authorization server that have credentials of their own: machines and agents (docs/clients.md).',
    ),
  DANGEROUSLY_ALLOW_FAKE_SIGN_IN: oneOf(['on', 'off'])
    .default('off')
    .describe(
      'Allows the demo sign-in, which lets everybody in as anybody, where others can reach it: under a public name, on an address other than loopback, or with NODE_ENV=production.',
    ),
  DEMO_RS_CLIENT_ID: z
    .string()
    .min(1)
    .max(200)
    .default('mcp-server')
    .describe('Client id under which the MCP server introspects at the demo authorization server.'),
  DEMO_RS_CLIENT_SECRET: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(500)
    .optional()
    .describe(
      'Secret to that client id. May be named by DEMO_RS_CLIENT_SECRET_FILE instead. Needed when the two servers are separate processes and not both on localhost; otherwise made at start.',
    ),
  REDIS_URL: z
    .string()
    .refine(text => text.split(',').every(isRedisUrl), {
      error: 'must be a URL that starts with redis:// or rediss://; several separated by commas for a cluster',
    })
    .optional()
    .describe(
      'Redis that keeps what the authorization server has to remember, and the notes, for several processes and for restarts; redis:// or rediss://, the nodes of a cluster separated by commas. May be named by REDIS_URL_FILE instead. Default: the memory of the process.',
    ),
  REDIS_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'must be 1 to 40 letters, digits, dots, dashes or underscores')
    .default('idplug')
    .describe('What all keys in Redis begin with, to share one with others.'),
  PORT: port.default(3232).describe('Port of the MCP server.'),
  HOST: z.string().min(1).max(255).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  PUBLIC_URL: publicUrls
    .default([])
    .describe(
      'URL under which clients reach the MCP server, without the path of its endpoint; it may have a path of its own (https://example.com/team-a). Several are separated by commas: the Host header picks the one that metadata and challenges name, and the first is canonical. Default: http://localhost:PORT.',
    ),
  MCP_SESSIONS: oneOf(['on', 'off'])
    .default('on')
    .describe('Sessions for clients of 2025-11-25 and older; off where several processes share the load.'),
  MCP_SESSION_IDLE_SECONDS: wholeNumber(10, 86_400).default(1_800).describe('A session that rests this long is ended.'),
  MCP_MAX_SESSIONS: wholeNumber(1, 1_000_000).default(10_000).describe('Most sessions open at once.'),
  ALLOWED_HOSTS: list.default([]).describe('Further values of the Host header to serve, separated by commas.'),
  ALLOWED_ORIGINS: list
    .default([])
    .describe('Origins of web pages that may call the server, separated by commas; * for any.'),
  BODY_LIMIT_BYTES: wholeNumber(1_024, 100_000_000).default(1_048_576).describe('Largest request body.'),
  DPOP: oneOf(['optional', 'required', 'off'])
    .default('optional')
    .describe(
      'Whether tokens that are bound to a key of the client (DPoP, RFC 9449) are taken with a proof of it; required refuses all others.',
    ),
  DPOP_NONCE_SECRET: z
    .string()
    .min(32, 'must have at least 32 characters')
    .max(500)
    .optional()
    .describe(
      'Makes clients put a nonce of this server into each DPoP proof; the same in all processes. May be named by DPOP_NONCE_SECRET_FILE instead. Default: no nonces.',
    ),
  TOKEN_CACHE_SECONDS: wholeNumber(0, 3_600)
    .default(30)
    .describe(
      'Longest time that an accepted token is not asked about again, and so that its revocation may go unnoticed; 0 asks every time.',
    ),
  TOKEN_CACHE_ENTRIES: wholeNumber(1, 10_000_000).default(10_000).describe('Most accepted tokens kept.'),
  CLOCK_TOLERANCE_SECONDS: wholeNumber(0, 300).default(5).describe('Allowed clock skew for exp, nbf and iat.'),
  PROVIDER_TIMEOUT_SECONDS: wholeNumber(1, 60).default(5).describe('Longest wait for one answer of the provider.'),
  LOG_LEVEL: oneOf(['silent', 'error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('Least level that is logged.'),
})

/** Settings of the program alone. In a server of the user's own they are the user's: `PORT` may be anything there. */
export const programSettings = [
  'AUTH_RESOURCE',
  'HOST',
  'LOG_LEVEL',
  'MCP_MAX_SESSIONS',
  'MCP_SESSION_IDLE_SECONDS',
  'MCP_SESSIONS',
  'PORT',
] as const satisfies readonly SettingName[]

export type Settings = z.output<typeof settingsSchema>
export type SettingName = keyof Settings

/** Settings that hold a secret; each may be read from the file that `NAME_FILE` names. */
export const secretSettings = [
  'BRIDGE_CLIENT_SECRET',
  'BRIDGE_KEYS',
  'DEMO_RS_CLIENT_SECRET',
  'REDIS_URL',
  'DPOP_NONCE_SECRET',
] as const satisfies readonly SettingName[]
