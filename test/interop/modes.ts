import { fileURLToPath } from 'node:url'
import type { Client, InteropServer } from './servers/server.ts'

/** What is tried at a protected resource that takes the tokens of a server. */
export const BEHAVIORS = [
  'people are accepted, each as themselves',
  'a machine is accepted as itself',
  'a token for another audience is refused',
  'a token of another client is refused',
  'an expired token is refused',
  'a refresh token is refused',
  'an ID token is refused',
  'with our clock 40 seconds ahead, a token is refused so much early, unless that is tolerated',
  'with our clock 40 seconds behind, a fresh token is accepted',
  'while the server is stopped, the answer is 503; once it is back, tokens are accepted',
  'a new key counts at once, and the one before no more after a while',
  'a revoked token is refused',
  'the token of somebody who was removed is refused',
] as const
export type Behavior = (typeof BEHAVIORS)[number]

/** What is tried with an official client that signs in through our bridge, at the server. */
export const BRIDGE_BEHAVIORS = [
  'people sign in, each as themselves',
  'a refresh asks the server, and goes on',
  'tokens of the server itself are refused',
  'while the server is stopped, a refresh is 503; once it is back, it goes on',
  'somebody who was removed is signed out by the next refresh',
  'people sign in and refresh after the keys were replaced',
  'with our clock 35 seconds ahead, people sign in and refresh',
  'with our clock 35 seconds behind, people sign in and refresh',
] as const
export type BridgeBehavior = (typeof BRIDGE_BEHAVIORS)[number]

/** The server cannot do it. */
export interface Cannot {
  readonly cannot: string
}

/** What is decided, each decision in a sentence, and why where one would expect something else. */
export interface Says {
  readonly says: readonly string[]
  readonly because?: string
}

export type Expected = Cannot | Says

interface ModeOf<Name extends string, B extends string> {
  readonly name: Name
  /** `AUTH_PROVIDER`. */
  readonly adapter: string
  /** As an operator writes them. */
  settings(server: InteropServer): Readonly<Record<string, string>>
  readonly expected: Readonly<Record<B, Expected>>
}

export interface TokenMode extends ModeOf<'direct' | 'introspection' | 'userinfo', Behavior> {
  /** Setting that names the clients whose tokens are accepted. */
  readonly clientIds: string
}

export type BridgeMode = ModeOf<'bridge', BridgeBehavior>

/** The tokens of the server cannot be taken so at all. */
export interface ImpossibleMode {
  readonly name: 'direct' | 'introspection' | 'bridge'
  readonly adapter: string
  settings(server: InteropServer): Readonly<Record<string, string>>
  /** What is said to each token, or at the sign-in. */
  readonly refuses: string
  /** What the server does. */
  readonly because: string
}

export type Mode = TokenMode | BridgeMode | ImpossibleMode

export const isPossible = (mode: Mode): mode is TokenMode | BridgeMode => 'expected' in mode
export const isBridge = (mode: TokenMode | BridgeMode): mode is BridgeMode => mode.name === 'bridge'

export function cannot(why: string): Cannot {
  return { cannot: why }
}

/** @param because - Why it differs from what one would expect. */
export function says(sentences: string | readonly string[], because?: string): Says {
  return { says: [sentences].flat(), because }
}

export function accepted(person: string, client = 'client ours', scopes = 'notes:read'): string {
  return `accepted: ${person} by ${client} for ${scopes}`
}

const EXPIRED = '401 expired: expiredAt TIME; now TIME'
export const NOT_YET_VALID = '401 not_yet_valid: notBefore TIME; now TIME'
const UNREACHABLE = '503 provider_unreachable: endpoint SERVER; detail ECONNREFUSED'

const ID_TOKEN =
  '401 id_token: detail it carries nonce; cure have the client send the access token of the same response; if it did, the provider (Keycloak before 25, authentik) copies nonce into access tokens: turn that off there. dangerouslyAllowIdTokenMarks (OIDC_DANGEROUSLY_ALLOW_ID_TOKEN_MARKS) stops looking at nonce, and then ID tokens with it pass'
/** @param variable - That lets such tokens pass. */
export function noTokenType(variable: string): string {
  return `401 type_mismatch: actual (no token_type); expected [Bearer, DPoP]; cure have the client send the access token, not the refresh token; if it did, the provider names token_type for no access tokens, or for some only: set requireTokenType (${variable}) to false, and refresh tokens pass where it answers for those`
}
const otherClient = '401 client_refused: actual client other; expected [client ours]'
export const OPAQUE =
  '401 oidc.token_opaque: detail the token is no JWT, and only those can be verified by key; cure have the provider issue JWTs for this server, or use the adapter introspection'
export const MAYBE_ID_TOKEN =
  '401 oidc.maybe_id_token: detail aud is the client that the token was issued to, as in every ID token; cure have clients request a token for this server, and send the access token; if the provider cannot name this server in aud, name in accessTokenClaims a claim that its access tokens have and its ID tokens do not'
export const otherAudience = (actual: string) =>
  `401 oidc.audience_mismatch: detail aud is ${actual}; expected RESOURCE or RESOURCE/; cure have the provider put the URL of this server into aud, or set audience to what it puts there`

/** What most servers have in common. @param scopes - That the token of a person grants. */
function common(
  scopes: string,
): Omit<
  Record<Behavior, Says>,
  | 'a token for another audience is refused'
  | 'a refresh token is refused'
  | 'an ID token is refused'
  | 'a revoked token is refused'
  | 'the token of somebody who was removed is refused'
  | 'a new key counts at once, and the one before no more after a while'
> {
  const ada = accepted('ada', 'client ours', scopes)
  return {
    'people are accepted, each as themselves': says([ada, accepted('ben', 'client ours', scopes)]),
    'a machine is accepted as itself': says(accepted('client machine', 'client machine')),
    'a token of another client is refused': says([ada, otherClient]),
    'an expired token is refused': says(EXPIRED),
    'with our clock 40 seconds ahead, a token is refused so much early, unless that is tolerated': says([EXPIRED, ada]),
    'with our clock 40 seconds behind, a fresh token is accepted': says([ada, ada]),
    'while the server is stopped, the answer is 503; once it is back, tokens are accepted': says([UNREACHABLE, ada]),
  }
}

const NO_KEYS = 'keys do not matter where the endpoint is asked'
const BY_KEY = 'nobody is asked about a token that is verified by key: it counts until it expires'

export type Differences = Readonly<Partial<Record<Behavior, Expected>>>

/** `AUTH_PROVIDER=oidc`: JWTs, verified by key. */
export function direct(
  differences: Differences = {},
  { scopes = 'notes:read', ...settings }: Readonly<Record<string, string>> = {},
): TokenMode {
  const ada = accepted('ada', 'client ours', scopes)
  const ben = accepted('ben', 'client ours', scopes)
  return {
    name: 'direct',
    adapter: settings.AUTH_PROVIDER ?? 'oidc',
    settings: ({ issuer }) => ({
      ...(settings.AUTH_CONFIG === undefined && { AUTH_PROVIDER: 'oidc' }),
      AUTH_METADATA_URL: issuer,
      ...settings,
    }),
    clientIds: 'OIDC_CLIENT_IDS',
    expected: {
      ...common(scopes),
      'a token for another audience is refused': says(otherAudience('OTHER')),
      'a refresh token is refused': says(OPAQUE),
      'an ID token is refused': says(ID_TOKEN),
      'a new key counts at once, and the one before no more after a while': says([ada, '401 key_unknown: keyId KEY']),
      'a revoked token is refused': says([ada, ada], BY_KEY),
      'the token of somebody who was removed is refused': says([ben, ben], BY_KEY),
      ...differences,
    },
  }
}

/** `AUTH_PROVIDER=introspection`. */
export function introspection(
  differences: Differences = {},
  { scopes = 'notes:read', ...settings }: Readonly<Record<string, string>> = {},
): TokenMode {
  const ada = accepted('ada', 'client ours', scopes)
  return {
    name: 'introspection',
    adapter: 'introspection',
    settings: ({ issuer, clients }) => ({
      ...(settings.AUTH_CONFIG === undefined && { AUTH_PROVIDER: 'introspection' }),
      AUTH_METADATA_URL: issuer,
      ...introspectionClient(clients.introspector),
      ...settings,
    }),
    clientIds: 'INTROSPECTION_CLIENT_IDS',
    expected: {
      ...common(scopes),
      'a token for another audience is refused': says(
        '401 audience_mismatch: actual [OTHER]; expected [RESOURCE, RESOURCE/]',
      ),
      'a refresh token is refused': says('401 inactive'),
      'an ID token is refused': says('401 inactive'),
      'a new key counts at once, and the one before no more after a while': says([ada, ada], NO_KEYS),
      'a revoked token is refused': says([ada, '401 inactive']),
      'the token of somebody who was removed is refused': says([
        accepted('ben', 'client ours', scopes),
        '401 inactive',
      ]),
      ...differences,
    },
  }
}

function introspectionClient({ id, secret }: Client): Record<string, string> {
  return { INTROSPECTION_CLIENT_ID: id, INTROSPECTION_CLIENT_SECRET: secret }
}

const NO_TIMES = 'UserInfo does not say when a token ends; the server is asked again'

/** `AUTH_PROVIDER=userinfo`: UserInfo names the client, and scopes are granted by rule. */
export function userinfo(differences: Differences = {}): TokenMode {
  const ada = accepted('ada')
  return {
    name: 'userinfo',
    adapter: 'userinfo',
    settings: ({ issuer, clients }) => ({
      AUTH_PROVIDER: 'userinfo',
      AUTH_METADATA_URL: issuer,
      USERINFO_CLIENT_IDS: Object.values(clients)
        .map(({ id }) => id)
        .join(' '),
      USERINFO_GRANT_SCOPES: 'notes:read',
      USERINFO_GRANT_TO: 'everyone',
    }),
    clientIds: 'USERINFO_CLIENT_IDS',
    expected: {
      ...common('notes:read'),
      'a machine is accepted as itself': says('401 inactive', 'UserInfo is about people'),
      'a token for another audience is refused': says('401 inactive'),
      'an expired token is refused': says(ada, NO_TIMES),
      'a refresh token is refused': says('401 inactive'),
      'an ID token is refused': says('401 inactive'),
      'with our clock 40 seconds ahead, a token is refused so much early, unless that is tolerated': says(
        [ada, ada],
        NO_TIMES,
      ),
      'a new key counts at once, and the one before no more after a while': says([ada, ada], NO_KEYS),
      'a revoked token is refused': says([ada, '401 inactive']),
      'the token of somebody who was removed is refused': says([accepted('ben'), '401 inactive']),
      ...differences,
    },
  }
}

/** A file that an operator writes where there is no variable for it. */
export const settingsFile = (name: string) => fileURLToPath(new URL(`settings/${name}.json`, import.meta.url))

/** What the official client makes of 503 at the token endpoint. */
const AWAY = 'temporarily_unavailable: the identity provider does not answer'

/** `AUTH_BRIDGE=on`: people sign in at the server, MCP clients at the bridge. */
export function bridge(
  differences: Readonly<Partial<Record<BridgeBehavior, Expected>>> = {},
  settings: Readonly<Record<string, string>> = {},
  subject = (name: string) => `${settings.AUTH_PROVIDER ?? 'oidc'}:HOST:${name}`,
): BridgeMode {
  const ada = subject('ada')
  return {
    name: 'bridge',
    adapter: settings.AUTH_PROVIDER ?? 'oidc',
    settings: ({ issuer }) => ({ AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: issuer, ...settings }),
    expected: {
      'people sign in, each as themselves': says([ada, subject('ben')]),
      'a refresh asks the server, and goes on': says(`refreshed: ${ada}`),
      'tokens of the server itself are refused': says(['401', '401', '401']),
      'while the server is stopped, a refresh is 503; once it is back, it goes on': says([AWAY, `refreshed: ${ada}`]),
      'somebody who was removed is signed out by the next refresh': says('signed out'),
      'people sign in and refresh after the keys were replaced': says([`refreshed: ${ada}`, ada]),
      'with our clock 35 seconds ahead, people sign in and refresh': says([ada, `refreshed: ${ada}`]),
      'with our clock 35 seconds behind, people sign in and refresh': says([ada, `refreshed: ${ada}`]),
      ...differences,
    },
  }
}
