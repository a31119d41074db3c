import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../../support/http.ts'
import { type BridgeMode, bridge, cannot, direct, introspection, OPAQUE, settingsFile } from '../modes.ts'
import { fillIn, postAs } from '../support/code-flow.ts'
import { createDaemon } from '../support/daemon.ts'
import { environment } from '../support/program.ts'
import {
  ALL_SCOPES,
  CALLBACK,
  type Definition,
  type InteropServer,
  LIFETIME_SECONDS,
  PEOPLE,
  SCOPES,
} from './server.ts'
import { chosenClients, createStandardServer } from './standard-server.ts'

const PYTHON = '/usr/bin/python3'
const project = fileURLToPath(new URL('../django/project.py', import.meta.url))

function newKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

/** Of Django's shell: accounts and applications. */
function accounts(bridgeCallback: string): string {
  const callbacks: Partial<Record<string, string>> = { ours: CALLBACK, other: CALLBACK, bridge: bridgeCallback }
  const applications = Object.entries(chosenClients).map(([name, { id, secret }]) => {
    const callback = callbacks[name]
    const grant = callback ? 'authorization-code' : 'client-credentials'
    return `Application.objects.create(client_id=${quoted(id)}, client_secret=${quoted(secret)}, name=${quoted(name)}, client_type='confidential', authorization_grant_type='${grant}', redirect_uris=${quoted(callback ?? '')}, algorithm='RS256')`
  })
  return [
    'from django.contrib.auth.models import User',
    'from oauth2_provider.models import Application',
    ...PEOPLE.map(name => `User.objects.create_user('${name}', password='password-of-${name}')`),
    ...applications,
  ].join('\n')
}

const quoted = (text: string) => JSON.stringify(text)

async function create(bridgeCallback: string) {
  const origin = `http://localhost:${await freePort()}`
  const folder = mkdtempSync(join(tmpdir(), 'django-'))
  const env = {
    DATABASE: join(folder, 'database'),
    LIFETIME: String(LIFETIME_SECONDS),
    PRIVATE_KEY: newKey(),
    SCOPES: ['openid', 'profile', 'email', 'offline_access', ...SCOPES].join(' '),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  const run = (...args: readonly string[]) =>
    promisify(execFile)(PYTHON, [project, ...args], { env: { ...environment(), ...env } })
  const daemonNow = () =>
    createDaemon({
      command: PYTHON,
      args: [project, 'runserver', '--noreload', '--nothreading', `127.0.0.1:${new URL(origin).port}`],
      env,
      url: `${origin}/o/.well-known/openid-configuration/`,
    })
  let daemon = daemonNow()
  let isSetUp = false

  const server = createStandardServer({
    issuer: `${origin}/o`,
    async start() {
      if (!isSetUp) {
        isSetUp = true
        await run('migrate')
        await run('shell', '-c', accounts(bridgeCallback))
      }
      await daemon.start()
    },
    stop: () => daemon.stop(),
    async end() {
      await daemon.stop()
      rmSync(folder, { recursive: true })
    },
    scope: ALL_SCOPES,
    takesResource: false,
    hasMachines: true,
    signIn: (url, person) =>
      fillIn(url, [
        ['sign_in', { username: person, password: `password-of-${person}` }],
        ['allow', { allow: 'Authorize' }],
      ]),
    // Introspection names people so.
    subjectOf: person => person,
  })
  return {
    ...server,
    async revoke(token: string) {
      const response = await postAs(server.clients.ours, `${origin}/o/revoke_token/`, { token })
      if (!response.ok) throw new Error(`not revoked: ${response.status} ${await response.text()}`)
    },
    async replaceKeys() {
      await daemon.stop()
      env.PRIVATE_KEY = newKey()
      daemon = daemonNow()
      await daemon.start()
    },
    async removePerson(person: string) {
      await run(
        'shell',
        '-c',
        `from django.contrib.auth.models import User; User.objects.get(username='${person}').delete()`,
      )
    },
  }
}

export const djangoOauthToolkit: Definition = {
  name: 'Django OAuth Toolkit',
  version: '1.7.0',
  from: { debian: 'python3-django-oauth-toolkit' },
  setUp: 'one file, SQLite, with the scopes of OpenID Connect',
  create,
  modes: [
    {
      name: 'direct',
      adapter: 'oidc',
      settings: direct().settings,
      refuses: OPAQUE,
      because: 'its access tokens are opaque',
    },
    atEndpoint(
      introspection(
        {
          'a token for another audience is refused': cannot(
            'its tokens have no audience; the list of clients binds them',
          ),
        },
        {
          scopes: ALL_SCOPES,
          AUTH_CONFIG: settingsFile('django-oauth-toolkit'),
          INTROSPECTION_CLIENT_IDS: Object.values(chosenClients)
            .map(({ id }) => id)
            .join(' '),
        },
      ),
    ),
    withIssuer(bridge({}, {}, name => `oidc:HOST:${name === 'ada' ? 1 : 2}`)),
  ],
}

/** Its metadata does not name the endpoint. */
function atEndpoint(mode: ReturnType<typeof introspection>): ReturnType<typeof introspection> {
  return {
    ...mode,
    settings: server => ({ ...mode.settings(server), INTROSPECTION_ENDPOINT: `${server.issuer}/introspect/` }),
  }
}

/** Its metadata is at an address that ends in a slash, which does not follow from the issuer. */
function withIssuer(mode: BridgeMode): BridgeMode {
  const settings = (server: InteropServer) => ({
    ...mode.settings(server),
    AUTH_METADATA_URL: `${server.issuer}/.well-known/openid-configuration/`,
    OIDC_ISSUER: server.issuer,
  })
  return { ...mode, settings }
}
