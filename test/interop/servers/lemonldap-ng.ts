import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/http.ts'
import { bridge, cannot, direct, introspection, MAYBE_ID_TOKEN, says, settingsFile } from '../modes.ts'
import { askForTokens, fillIn } from '../support/code-flow.ts'
import { createDaemon } from '../support/daemon.ts'
import { ALL_SCOPES, CALLBACK, type Definition, LIFETIME_SECONDS, PEOPLE, RESOURCE, SCOPES } from './server.ts'
import { chosenClients, createStandardServer } from './standard-server.ts'

const program = fileURLToPath(new URL('../lemonldap-ng/portal.psgi', import.meta.url))

/** Sets up the folder of one instance. */
function prepare(folder: string): void {
  for (const name of ['conf', 'cache', 'sessions', 'sessions/lock', 'psessions', 'psessions/lock']) {
    mkdirSync(join(folder, name))
  }
  const cache = `{ 'namespace' => 'conf', 'default_expires_in' => 600, 'cache_root' => '${folder}/cache', 'cache_depth' => 3 }`
  writeFileSync(
    join(folder, 'lemonldap-ng.ini'),
    `[all]
logLevel = warn
logger = Lemonldap::NG::Common::Logger::Std
[configuration]
type = File
dirName = ${folder}/conf
localStorage = Cache::FileCache
localStorageOptions = ${cache}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
`,
  )
}

function storage(folder: string, name: string): object {
  return { Directory: `${folder}/${name}`, LockDirectory: `${folder}/${name}/lock` }
}

/** Of the portal; number `cfgNum` is the latest. */
function configuration(
  origin: string,
  folder: string,
  callbacks: Partial<Record<string, string>>,
  keyId: string,
): object {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const parties = Object.entries(chosenClients).map(([name, { id, secret }]) => {
    const options = {
      ClientID: id,
      ClientSecret: secret,
      RedirectUris: callbacks[name] ?? '',
      IDTokenSignAlg: 'RS256',
      AccessTokenJWT: 1,
      AccessTokenSignAlg: 'RS256',
      AdditionalAudiences: name === 'introspector' ? '' : RESOURCE,
      AllowOffline: 1,
      AllowClientCredentialsGrant: name === 'machine' || name === 'introspector' ? 1 : 0,
      RefreshToken: name === 'bridge' ? 1 : 0,
      BypassConsent: 1,
    }
    const named = Object.entries(options).map(([key, value]) => [`oidcRPMetaDataOptions${key}`, value])
    return [name, Object.fromEntries(named)] as const
  })
  const each = (value: object) => Object.fromEntries(parties.map(([name]) => [name, value]))
  return {
    cfgNum: 1,
    cfgAuthor: 'tests',
    cfgDate: 1,
    cfgVersion: '2.16.1',
    portal: `${origin}/`,
    domain: 'localhost',
    cookieName: 'lemonldap',
    securedCookie: 0,
    authentication: 'Demo',
    userDB: 'Same',
    passwordDB: 'Null',
    registerDB: 'Null',
    portalDisplayRegister: 0,
    portalDisplayResetPassword: 0,
    portalDisplayCertificateResetByMail: 0,
    demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
    whatToTrace: '_whatToTrace',
    macros: { _whatToTrace: 'lc($_user)' },
    exportedVars: {},
    globalStorage: 'Apache::Session::File',
    globalStorageOptions: {
      ...storage(folder, 'sessions'),
      generateModule: 'Lemonldap::NG::Common::Apache::Session::Generate::SHA256',
    },
    localSessionStorage: 'Cache::FileCache',
    localSessionStorageOptions: {
      namespace: 'sessions',
      cache_root: `${folder}/cache`,
      cache_depth: 3,
      default_expires_in: 600,
    },
    persistentStorage: 'Apache::Session::File',
    persistentStorageOptions: storage(folder, 'psessions'),
    locationRules: { localhost: { default: 'accept' } },
    issuerDBOpenIDConnectActivation: 1,
    oidcServiceMetaDataIssuer: origin,
    oidcServicePrivateKeySig: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    oidcServicePublicKeySig: publicKey.export({ type: 'spki', format: 'pem' }),
    oidcServiceKeyIdSig: keyId,
    oidcServiceAllowAuthorizationCodeFlow: 1,
    oidcServiceAccessTokenExpiration: LIFETIME_SECONDS,
    oidcRPMetaDataOptions: Object.fromEntries(parties),
    oidcRPMetaDataExportedVars: each({ name: 'cn', email: 'mail' }),
    oidcRPMetaDataScopeRules: each(Object.fromEntries(SCOPES.map(scope => [scope, '$requested']))),
  }
}

async function create(bridgeCallback: string) {
  const origin = `http://localhost:${await freePort()}`
  const folder = mkdtempSync(join(tmpdir(), 'lemonldap-ng-'))
  const callbacks = { ours: CALLBACK, other: CALLBACK, bridge: bridgeCallback }
  prepare(folder)
  let keys = 0
  function configure(): void {
    const value = configuration(origin, folder, callbacks, `key-${++keys}`)
    writeFileSync(join(folder, 'conf', 'lmConf-1.json'), JSON.stringify(value))
    rmSync(join(folder, 'cache'), { recursive: true })
    mkdirSync(join(folder, 'cache'))
  }
  configure()
  let people: readonly string[] = PEOPLE
  const daemonNow = () =>
    createDaemon({
      command: 'plackup',
      args: ['--host', '127.0.0.1', '--port', new URL(origin).port, '-E', 'deployment', program],
      cwd: folder,
      env: { LLNG_DEFAULTCONFFILE: join(folder, 'lemonldap-ng.ini'), PEOPLE: people.join(' ') },
      url: `${origin}/.well-known/openid-configuration`,
    })
  let daemon = daemonNow()
  async function changed(change: () => void): Promise<void> {
    await daemon.stop()
    change()
    daemon = daemonNow()
    await daemon.start()
  }
  const server = createStandardServer({
    issuer: origin,
    start: () => daemon.start(),
    stop: () => daemon.stop(),
    async end() {
      await daemon.stop()
      rmSync(folder, { recursive: true })
    },
    scope: ALL_SCOPES,
    takesResource: false,
    hasMachines: true,
    subjectOf: person => person,
    signIn: (url, person) => fillIn(url, [['user', { user: person, password: person }]]),
  })
  return {
    ...server,
    async tokenForAnother() {
      const body = { grant_type: 'client_credentials', scope: SCOPES[0] as string }
      return (await askForTokens(await server.endpoints(), server.clients.introspector, body)).access
    },
    replaceKeys: () => changed(configure),
    /** With the sessions, which outlive the account by themselves. */
    removePerson: (person: string) =>
      changed(() => {
        people = people.filter(name => name !== person)
        for (const entry of readdirSync(join(folder, 'sessions'), { withFileTypes: true })) {
          const file = join(folder, 'sessions', entry.name)
          if (entry.isFile() && readFileSync(file, 'utf8').includes(`"_user":"${person}"`)) rmSync(file)
        }
      }),
  }
}

export const lemonldapNg: Definition = {
  name: 'LemonLDAP::NG',
  version: '2.16.1',
  from: { debian: 'lemonldap-ng' },
  setUp: 'demonstration accounts, JWTs as access tokens, the MCP server as a further audience of its clients',
  create,
  modes: [
    direct(
      {
        'a token for another audience is refused': says(MAYBE_ID_TOKEN),
        'a revoked token is refused': cannot('it has no revocation endpoint'),
      },
      { scopes: 'openid notes:read' },
    ),
    introspection(
      {
        'a token for another audience is refused': says(
          'accepted: client introspector by client introspector for notes:read',
          'its answers have no audience; the list of clients binds them',
        ),
        'a revoked token is refused': cannot('it has no revocation endpoint'),
      },
      {
        scopes: 'openid notes:read',
        AUTH_CONFIG: settingsFile('introspection-without-audience'),
        // It names none, and does not answer for refresh tokens.
        INTROSPECTION_REQUIRE_TOKEN_TYPE: 'false',
        INTROSPECTION_CLIENT_IDS: Object.values(chosenClients)
          .map(({ id }) => id)
          .join(' '),
      },
    ),
    bridge(),
  ],
}
