import { freePort } from '../../support/http.ts'
import {
  accepted,
  bridge,
  cannot,
  direct,
  introspection,
  noTokenType,
  OPAQUE,
  says,
  settingsFile,
  userinfo,
} from '../modes.ts'
import { fillIn } from '../support/code-flow.ts'
import { createProgram } from '../support/program.ts'
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
import { type Clients, chosenClients, createStandardServer, revokeAt } from './standard-server.ts'

function registered(bridgeCallback: string): object[] {
  const people = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
  const machine = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }
  const kinds = {
    ours: { ...people, redirect_uris: [CALLBACK] },
    other: { ...people, redirect_uris: [CALLBACK] },
    bridge: { ...people, redirect_uris: [bridgeCallback] },
    machine,
    introspector: machine,
  }
  return Object.entries(kinds).map(([name, kind]) => {
    const { id, secret } = chosenClients[name as keyof Clients]
    return { client_id: id, client_secret: secret, ...kind }
  })
}

/** @param accessTokenFormat - Of tokens for a resource; `undefined`: it knows no resources. */
async function create(
  bridgeCallback: string,
  accessTokenFormat?: 'jwt' | 'opaque',
  userInfoNamesClient = false,
): Promise<InteropServer> {
  const resources = accessTokenFormat && [RESOURCE, OTHER_RESOURCE]
  const issuer = `http://localhost:${await freePort()}`
  const program = createProgram('oidc-provider', {
    issuer,
    clients: registered(bridgeCallback),
    scopes: SCOPES,
    people: PEOPLE,
    resources,
    accessTokenFormat,
    alwaysRefresh: accessTokenFormat === 'jwt',
    lifetime: LIFETIME_SECONDS,
    userInfoNamesClient,
  })
  const server = createStandardServer({
    issuer,
    ...program,
    takesResource: resources !== undefined,
    hasMachines: true,
    subjectOf: person => person,
    signIn: (url, person) =>
      fillIn(url, [
        ['login', { login: person, password: 'any' }],
        ['prompt', {}],
      ]),
  })
  return {
    ...server,
    ...(accessTokenFormat !== 'jwt' && {
      revoke: (token: string) => revokeAt(server.endpoints(), server.clients.ours, token),
    }),
    replaceKeys: () => program.call('replaceKeys'),
    removePerson: person => program.call('removePerson', person),
  }
}

const VERSION = '9.13.3'

const STILL_ACTIVE = 'introspection does not look at the account'

export const stockOidcProvider: Definition = {
  name: 'oidc-provider',
  version: VERSION,
  from: { npm: 'oidc-provider' },
  setUp: 'as it is, with client credentials, introspection and revocation switched on',
  create: callback => create(callback),
  modes: [
    {
      name: 'direct',
      adapter: 'oidc',
      settings: direct().settings,
      refuses: OPAQUE,
      because: 'its access tokens are opaque',
    },
    introspection(
      {
        'a token for another audience is refused': cannot(
          'its tokens have no audience; the list of clients binds them',
        ),
        'a refresh token is refused': says(
          noTokenType('INTROSPECTION_REQUIRE_TOKEN_TYPE'),
          'it is active there, but has no `token_type` as access tokens do',
        ),
        'the token of somebody who was removed is refused': says(
          [accepted('ben', 'client ours', ALL_SCOPES), accepted('ben', 'client ours', ALL_SCOPES)],
          STILL_ACTIVE,
        ),
      },
      {
        scopes: ALL_SCOPES,
        AUTH_CONFIG: settingsFile('introspection-without-audience'),
        INTROSPECTION_CLIENT_IDS: Object.values(chosenClients)
          .map(({ id }) => id)
          .join(' '),
      },
    ),
    bridge(),
  ],
}

export const oidcProviderWithJwts: Definition = {
  name: 'oidc-provider, JWTs for resources',
  version: VERSION,
  from: { npm: 'oidc-provider' },
  setUp: 'resource indicators (RFC 8707), JWTs as access tokens, and a refresh token at each sign-in',
  create: callback => create(callback, 'jwt'),
  modes: [
    direct({ 'a revoked token is refused': cannot('it revokes no JWTs: 400 `unsupported_token_type`') }),
    bridge({}),
  ],
}

export const oidcProviderWithResources: Definition = {
  name: 'oidc-provider, opaque tokens for resources',
  version: VERSION,
  from: { npm: 'oidc-provider' },
  setUp: 'resource indicators (RFC 8707), and opaque access tokens',
  create: callback => create(callback, 'opaque'),
  modes: [
    introspection(
      {
        'a refresh token is refused': says(
          noTokenType('INTROSPECTION_REQUIRE_TOKEN_TYPE'),
          'it is active there, but has no `token_type` as access tokens do',
        ),
        'the token of somebody who was removed is refused': says([accepted('ben'), accepted('ben')], STILL_ACTIVE),
      },
      { INTROSPECTION_TOKENS_WITHOUT_SUBJECT: 'client' },
    ),
  ],
}

export const oidcProviderNamingClients: Definition = {
  name: 'oidc-provider, UserInfo with the client',
  version: VERSION,
  from: { npm: 'oidc-provider' },
  setUp: 'as it is, and `client_id` among the claims of UserInfo',
  create: callback => create(callback, undefined, true),
  modes: [
    userinfo({
      'a token for another audience is refused': cannot('its tokens have no audience; the list of clients binds them'),
    }),
  ],
}
