import { freePort } from '../../support/http.ts'
import { bridge, cannot, direct, introspection, otherAudience, says } from '../modes.ts'
import { createProgram } from '../support/program.ts'
import {
  ALL_SCOPES,
  CALLBACK,
  type Definition,
  LIFETIME_SECONDS,
  OTHER_RESOURCE,
  PEOPLE,
  RESOURCE,
  SCOPES,
} from './server.ts'
import { chosenClients, createStandardServer } from './standard-server.ts'

/** It has no pages of its own: those who use it write them, and call its API. */
async function signIn(authorizationUrl: URL, person: string): Promise<URL> {
  const { origin } = authorizationUrl
  const post = (path: string, body: object, cookie = '') =>
    fetch(`${origin}/api/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin, cookie },
      body: JSON.stringify(body),
    })
  const credentials = { email: `${person}@example.com`, password: `password-of-${person}` }
  const signedIn = await post('/sign-in/email', credentials)
  const cookie = signedIn.headers.getSetCookie().map(line => line.split(';')[0])
  const answer = await fetch(authorizationUrl, { headers: { cookie: cookie.join('; ') } })
  const next = new URL(((await answer.json()) as { url: string }).url, origin)
  if (next.pathname !== '/consent') return next
  const consent = await post('/oauth2/consent', { accept: true, oauth_query: next.search.slice(1) }, cookie.join('; '))
  const { url, redirect_uri = url } = (await consent.json()) as { url?: string; redirect_uri?: string }
  return new URL(redirect_uri ?? '')
}

export const betterAuth: Definition = {
  name: 'better-auth, with its OAuth provider',
  version: '1.7.5',
  from: { npm: '@better-auth/oauth-provider' },
  setUp: 'one file, SQLite in memory, the MCP server as a resource',
  async create(bridgeCallback) {
    const issuer = `http://localhost:${await freePort()}/api/auth`
    const redirectUris: Partial<Record<string, string>> = { ours: CALLBACK, other: CALLBACK, bridge: bridgeCallback }
    const program = createProgram('better-auth', {
      issuer,
      clients: Object.entries(chosenClients).map(([name, client]) => ({
        ...client,
        redirectUri: redirectUris[name],
      })),
      scopes: SCOPES,
      people: PEOPLE,
      resources: [RESOURCE, OTHER_RESOURCE],
      lifetime: LIFETIME_SECONDS,
    })
    let subjects: Record<string, string> = {}
    const server = createStandardServer({
      issuer,
      stop: program.stop,
      end: program.end,
      async start() {
        await program.start()
        subjects = await program.call('subjects')
      },
      takesResource: true,
      hasMachines: true,
      subjectOf: person => subjects[person] ?? '',
      signIn,
    })
    return {
      ...server,
      replaceKeys: () => program.call('replaceKeys'),
      removePerson: person => program.call('removePerson', person),
    }
  },
  modes: [
    direct(
      {
        'a token for another audience is refused': says(otherAudience('OTHER, ISSUER/oauth2/userinfo')),
        'a revoked token is refused': cannot('it revokes no JWTs: 400 `unsupported_token_type`'),
      },
      { scopes: ALL_SCOPES },
    ),
    {
      name: 'introspection',
      adapter: 'introspection',
      settings: introspection().settings,
      refuses: '401 inactive',
      because: 'only the client that a token was issued to may ask about it',
    },
    bridge(),
  ],
}
