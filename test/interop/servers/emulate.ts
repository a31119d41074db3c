import { decodeJwt } from 'jose'
import { createBrowser } from '../../support/browser.ts'
import { freePort } from '../../support/http.ts'
import { accepted, type BridgeMode, bridge, cannot, direct, introspection, says } from '../modes.ts'
import type { Endpoints, Tokens } from '../support/code-flow.ts'
import { createProgram } from '../support/program.ts'
import { ALL_SCOPES, CALLBACK, type Definition, PEOPLE } from './server.ts'
import { chosenClients, createStandardServer, revokeAt } from './standard-server.ts'

const VERSION = '0.12.2'

interface Service {
  readonly name: string
  /** Path of the issuer. */
  readonly path: string
  readonly scope: string
  readonly hasMachines?: true
  /** Where there is no metadata. */
  endpoints?(origin: string): Endpoints
  seed(clients: object[], people: { email: string; name: string }[]): object
  /** Whose token it is. Default: what the ID token says. */
  subjectOf?(origin: string, tokens: Tokens): Promise<string>
}

/** One of the services, in which everybody is picked from a list. */
async function create(service: Service, bridgeCallback: string) {
  const origin = `http://localhost:${await freePort()}`
  const callbacks: Partial<Record<string, string>> = { bridge: bridgeCallback }
  const clients = Object.entries(chosenClients).map(([name, { id, secret }]) => ({
    client_id: id,
    client_secret: secret,
    name,
    redirect_uris: [callbacks[name] ?? CALLBACK],
  }))
  const people = PEOPLE.map(name => ({ email: `${name}@example.com`, name }))
  const { name, path, scope, hasMachines = false } = service
  const seed = service.seed(clients, people)
  const program = createProgram('emulate', { service: name, origin, port: await freePort(), seed })
  /** By name; others in each run. */
  const subjects: Record<string, string> = {}
  const server = createStandardServer({
    issuer: origin + path,
    endpoints: service.endpoints?.(origin),
    stop: program.stop,
    end: program.end,
    async start() {
      await program.start()
      for (const person of PEOPLE) {
        const tokens = await server.tokens({ person })
        subjects[person] ??= (await service.subjectOf?.(origin, tokens)) ?? decodeJwt(tokens.id ?? '').sub ?? ''
      }
    },
    scope,
    takesResource: false,
    hasMachines,
    subjectOf: person => subjects[person] ?? '',
    async signIn(url, person) {
      const browser = createBrowser()
      const page = await browser.open(url)
      const form = page.text.match(/<form[\s\S]*?<\/form>/g)?.find(text => text.includes(`>${person}@example.com<`))
      if (!form) throw new Error(`${person} is not on the page:\n${page.text}`)
      return (await browser.submit({ ...page, text: form }, 'redirect_uri', {})).url
    },
  })
  return server
}

const okta: Service = {
  name: 'okta',
  path: '/oauth2/default',
  scope: ALL_SCOPES,
  hasMachines: true,
  seed: (clients, people) => ({
    users: people.map(({ email, name }) => ({ login: email, email, first_name: name, last_name: 'Example' })),
    oauth_clients: clients.map(client => ({ ...client, auth_server_id: 'default' })),
  }),
}

const OPAQUE_TOKENS = 'its access tokens are opaque'

const NO_REMOVAL = cannot('it has no way to remove an account')
const KEY_FROM_START = cannot('its key is made when it starts, and stays')

export const emulatedOkta: Definition = {
  name: 'emulate, Okta',
  version: VERSION,
  from: { npm: 'emulate' },
  setUp: 'the authorization server `default`, whose audience is `api://default`',
  async create(callback) {
    const server = await create(okta, callback)
    return {
      ...server,
      revoke: token => revokeAt(server.endpoints(), server.clients.ours, token),
      async removePerson(person) {
        // The first request ends the account, the second deletes it.
        for (let requests = 0; requests < 2; requests++) {
          const url = new URL(`/api/v1/users/${server.subjectOf(person)}`, server.issuer)
          const response = await fetch(url, { method: 'DELETE', headers: { authorization: 'SSWS admin' } })
          if (!response.ok) throw new Error(`not removed: ${response.status} ${await response.text()}`)
        }
      },
    }
  },
  modes: [
    {
      name: 'direct',
      adapter: 'okta',
      settings: direct({}, { AUTH_PROVIDER: 'okta' }).settings,
      refuses: '401 token_opaque',
      because: OPAQUE_TOKENS,
    },
    {
      name: 'introspection',
      adapter: 'okta',
      settings: ({ issuer, clients: { introspector } }) => ({
        AUTH_PROVIDER: 'okta',
        AUTH_METADATA_URL: issuer,
        OKTA_AUDIENCE: 'api://default',
        OKTA_INTROSPECTION_CLIENT_ID: introspector.id,
        OKTA_INTROSPECTION_CLIENT_SECRET: introspector.secret,
      }),
      refuses:
        '401 subject_missing: claim uid; personalClaim sub; cure leave uid and sub in the access tokens of ISSUER (Admin Console > Security > API > Authorization Servers > Claims)',
      because: 'it leaves out `uid`, which Okta has, and in which people are told apart for good',
    },
    introspection(
      {
        'a token for another audience is refused': cannot('an authorization server has one audience'),
        'a refresh token is refused': says(
          '401 type_mismatch: actual token_type refresh_token; expected [an access token]',
        ),
        'a new key counts at once, and the one before no more after a while': KEY_FROM_START,
        'the token of somebody who was removed is refused': says(
          [accepted('ben', 'client ours', ALL_SCOPES), accepted('ben', 'client ours', ALL_SCOPES)],
          'introspection does not look at the account',
        ),
      },
      {
        scopes: ALL_SCOPES,
        INTROSPECTION_AUDIENCE: 'api://default',
        INTROSPECTION_TOKENS_WITHOUT_SUBJECT: 'client',
      },
    ),
    bridge(
      {
        'people sign in and refresh after the keys were replaced': KEY_FROM_START,
      },
      { AUTH_PROVIDER: 'okta' },
    ),
  ],
}

const microsoft: Service = {
  name: 'microsoft',
  path: '/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
  scope: 'openid offline_access',
  hasMachines: true,
  seed: (clients, users) => ({ users, oauth_clients: clients }),
}

export const emulatedMicrosoft: Definition = {
  name: 'emulate, Microsoft',
  version: VERSION,
  from: { npm: 'emulate' },
  setUp: 'the tenant that it has',
  create: callback => create(microsoft, callback),
  modes: [
    {
      name: 'direct',
      adapter: 'azure',
      settings: direct({}, { AUTH_PROVIDER: 'azure', AZURE_CLIENT_ID: '15b4bcb0-0000-4000-8000-000000000001' })
        .settings,
      refuses:
        '401 azure.opaque_token: detail for your own API Entra ID issues JWTs; others are for APIs of Microsoft; cure Request a scope of your API: RESOURCE/ and the name of the scope (App registrations > the API > Expose an API).',
      because: OPAQUE_TOKENS,
    },
    bridge(
      {
        'somebody who was removed is signed out by the next refresh': NO_REMOVAL,
        'people sign in and refresh after the keys were replaced': KEY_FROM_START,
      },
      { AUTH_PROVIDER: 'azure' },
      name => `azure:9188040d-6c67-4c5b-b112-36a304b66dad:${name}`,
    ),
  ],
}

const google: Service = {
  name: 'google',
  path: '',
  scope: 'openid email',
  endpoints: origin => ({
    authorization_endpoint: `${origin}/o/oauth2/v2/auth`,
    token_endpoint: `${origin}/oauth2/token`,
    byForm: true,
  }),
  seed: (clients, users) => ({ users, oauth_clients: clients }),
}

export const emulatedGoogle: Definition = {
  name: 'emulate, Google',
  version: VERSION,
  from: { npm: 'emulate' },
  setUp: 'people of a Workspace domain',
  create: callback => create(google, callback),
  modes: [
    {
      name: 'direct',
      adapter: 'google',
      settings: ({ issuer }) => ({
        AUTH_PROVIDER: 'google',
        AUTH_METADATA_URL: issuer,
        GOOGLE_TOKENINFO_URL: `${issuer}/tokeninfo`,
        GOOGLE_CLIENT_IDS: '1-x.apps.googleusercontent.com',
        GOOGLE_GRANT_TO: 'everyone',
        GOOGLE_GRANT_SCOPES: 'notes:read',
      }),
      refuses:
        '401 google.other_token: detail the token does not begin with ya29.; cure Send an access token of Google.',
      because: 'its tokens do not begin as those of Google do, and it has no tokeninfo endpoint',
    },
    bridge(
      {
        'somebody who was removed is signed out by the next refresh': NO_REMOVAL,
        'people sign in and refresh after the keys were replaced': KEY_FROM_START,
      },
      { AUTH_PROVIDER: 'google' },
      name => `google:${name}`,
    ),
  ],
}

const github: Service = {
  name: 'github',
  path: '',
  scope: 'read:user',
  endpoints: origin => ({
    authorization_endpoint: `${origin}/login/oauth/authorize`,
    token_endpoint: `${origin}/login/oauth/access_token`,
    byForm: true,
  }),
  async subjectOf(origin, { access }) {
    const answer = await fetch(`${origin}/user`, { headers: { authorization: `Bearer ${access}` } })
    return String(((await answer.json()) as { id: number }).id)
  },
  seed: (clients, people) => ({
    users: people.map(({ email, name }) => ({ login: name, email })),
    oauth_apps: clients,
  }),
}

export const emulatedGithub: Definition = {
  name: 'emulate, GitHub',
  version: VERSION,
  from: { npm: 'emulate' },
  setUp: 'an OAuth App; its API is at another address than that of an Enterprise Server',
  create: callback => create(github, callback),
  modes: [
    {
      name: 'direct',
      adapter: 'github',
      settings: ({ issuer, clients }) => ({
        AUTH_PROVIDER: 'github',
        AUTH_METADATA_URL: `${issuer}/login/oauth`,
        GITHUB_API_URL: issuer,
        GITHUB_CLIENT_ID: clients.ours.id,
        GITHUB_CLIENT_SECRET: clients.ours.secret,
        GITHUB_GRANT_TO: 'everyone',
        GITHUB_GRANT_SCOPES: 'notes:read',
      }),
      refuses:
        '401 github.not_ours: detail the token is unknown, revoked, expired, or issued to another app; cure Sign in again. If that does not help, clientId (GITHUB_CLIENT_ID) must be the app that the MCP client signs in with.',
      because: 'it has no endpoint where an app checks tokens',
    },
    withApi(
      bridge(
        {
          'tokens of the server itself are refused': says('401'),
          'somebody who was removed is signed out by the next refresh': NO_REMOVAL,
          'people sign in and refresh after the keys were replaced': KEY_FROM_START,
        },
        { AUTH_PROVIDER: 'github' },
      ),
    ),
  ],
}

function withApi(mode: BridgeMode): BridgeMode {
  return { ...mode, settings: server => ({ ...mode.settings(server), GITHUB_API_URL: server.issuer }) }
}
