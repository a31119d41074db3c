import { freePort } from '../../support/http.ts'
import { bridge, cannot, direct, says, type TokenMode } from '../modes.ts'
import { fillIn } from '../support/code-flow.ts'
import { createProgram } from '../support/program.ts'
import { CALLBACK, type Definition, PEOPLE } from './server.ts'
import { createStandardServer } from './standard-server.ts'

interface Known {
  readonly poolId: string
  readonly clients: Readonly<Record<string, string>>
  readonly subjects: Readonly<Record<string, string>>
}

const withoutSecret = (id = '') => ({ id, secret: '' })

async function create(bridgeCallback: string) {
  const origin = `http://localhost:${await freePort()}`
  const callbacks = { ours: CALLBACK, other: CALLBACK, bridge: bridgeCallback }
  const program = createProgram('cognito-local', { origin, port: await freePort(), people: PEOPLE, callbacks })
  await program.start()
  const { poolId, clients, subjects } = await program.call<Known>('known')
  await program.stop()
  const server = createStandardServer({
    issuer: `${origin}/${poolId}`,
    clients: {
      ours: withoutSecret(clients.ours),
      other: withoutSecret(clients.other),
      bridge: withoutSecret(clients.bridge),
      machine: withoutSecret('none'),
      introspector: withoutSecret('none'),
    },
    endpoints: {
      authorization_endpoint: `${origin}/oauth2/authorize`,
      token_endpoint: `${origin}/oauth2/token`,
      byForm: true,
    },
    ...program,
    takesResource: false,
    hasMachines: false,
    subjectOf: person => subjects[person] ?? '',
    signIn: (url, person) => fillIn(url, [['username', { username: `${person}@example.com`, password: 'Password-1' }]]),
  })
  return { ...server, removePerson: (person: string) => program.call('removePerson', person) }
}

/** As `docs/providers` says for Cognito. */
function ofCognito(...options: Parameters<typeof direct>): TokenMode {
  const mode = direct(...options)
  return {
    ...mode,
    settings: server => {
      const { ours, other } = server.clients
      return { ...mode.settings(server), COGNITO_CLIENT_IDS: `${ours.id} ${other.id}` }
    },
    clientIds: 'COGNITO_CLIENT_IDS',
  }
}

export const cognitoLocal: Definition = {
  name: 'cognito-local',
  version: '5.3.0',
  from: { npm: 'cognito-local' },
  setUp: 'a user pool by its API; metadata with the port that it listens on',
  create,
  modes: [
    ofCognito(
      {
        'a machine is accepted as itself': cannot('it has no client credentials'),
        'a token for another audience is refused': cannot(
          'as at Cognito, tokens have no audience; the list of clients binds them',
        ),
        'a refresh token is refused': says('401 claim_missing: claim token_use', 'its refresh tokens are JWTs'),
        'an ID token is refused': says(
          '401 id_token: detail token_use is id; cure have the client send the access token of the same response',
        ),
        'a new key counts at once, and the one before no more after a while': cannot('its key comes with the package'),
        'a revoked token is refused': cannot('it revokes no access tokens'),
      },
      {
        scopes: 'aws.cognito.signin.user.admin',
        AUTH_PROVIDER: 'cognito',
        COGNITO_REGION: 'local',
        COGNITO_USER_POOL_ID: 'local',
      },
    ),
    {
      name: 'bridge',
      adapter: 'oidc',
      settings: bridge().settings,
      refuses: 'metadata_incomplete (authorization_endpoint)',
      because: 'its metadata names no authorization endpoint',
    },
  ],
}
