import { describe, expect, it } from 'vitest'
import { auth0 } from '../../adapters/auth0/index.ts'
import { demo } from '../../adapters/demo/index.ts'
import { adapters } from '../../adapters/index.ts'
import demoOptions from '../../config/demo.json' with { type: 'json' }
import { knownNames, providerVariables } from '../../config/known-names.ts'
import { loadConfiguration } from '../../config/load.ts'
import { checkNames, type SettingsFile } from '../../config/name-problems.ts'
import { secretSettings, settingsSchema } from '../../config/settings.ts'
import { ConfigError } from '../../src/config-error.ts'
import { temporaryFile } from '../support/temporary-files.ts'

type Env = Record<string, string>

const lines = (env: Env, file?: Partial<SettingsFile>) => {
  const complete = file && { path: '/srv/.env', values: {}, problems: [], withheld: [], ...file }
  const { problems, warnings } = checkNames(env, knownNames(env), complete)
  const text = ({ setting, problem }: { setting: string; problem: string }) => `${setting} ${problem}`
  return { problems: problems.map(text), warnings: warnings.map(text) }
}

/** What stops the start. */
function stops(env: Env): string {
  try {
    loadConfiguration(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return String(error)
  }
  return expect.fail('the configuration was accepted')
}

const file = (content: unknown) => temporaryFile('own.json', content)

const general = [...Object.keys(settingsSchema.shape), ...secretSettings.map(name => `${name}_FILE`), 'NODE_ENV']
const ofProvider = adapters.flatMap(({ name }) => providerVariables(name).map(variable => [variable, name] as const))
const all: ReadonlySet<string> = new Set([...general, ...ofProvider.map(([variable]) => variable)])

/** A name with one letter dropped, doubled, replaced, or swapped with the next one: at every place. */
function slips(name: string): string[] {
  const found = [...name].flatMap((letter, at) => {
    const [before, after] = [name.slice(0, at), name.slice(at + 1)]
    const other = letter === 'X' ? 'Z' : 'X'
    const [next = '', ...rest] = after
    return [
      before + after,
      before + letter + letter + after,
      before + other + after,
      before + next + letter + rest.join(''),
    ]
  })
  return [...new Set(found)].filter(slip => !all.has(slip))
}

/** What other software sets on the machines that servers run on. */
const FOREIGN: Env = {
  ...Object.fromEntries(
    `PATH HOME USER LOGNAME SHELL LANG LC_ALL TERM PWD OLDPWD SHLVL TZ TMPDIR EDITOR PAGER DISPLAY HOSTNAME HOSTTYPE
    OSTYPE MACHTYPE COLUMNS LINES DEBUG CI EMAIL SSH_AUTH_SOCK SSH_CONNECTION XDG_RUNTIME_DIR XDG_SESSION_ID
    DBUS_SESSION_BUS_ADDRESS HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY http_proxy https_proxy no_proxy NO_COLOR
    FORCE_COLOR APT_CONFIG PORT1 PORT2 HOST_1 REDIS_URL_2 NODE_OPTIONS NODE_PATH NODE_VERSION NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED NVM_DIR NODENV_ROOT
    npm_config_user_agent npm_lifecycle_event npm_package_name INIT_CWD YARN_VERSION PNPM_HOME LOGLEVEL RUST_LOG LOG_FILE
    LOG_FORMAT CMD POSIXLY_CORRECT PROMPT PS1 AUTH_TOKEN AUTH_SECRET AUTH_SECRET_1 AUTH_URL AUTH_TRUST_HOST AUTH_GITHUB_ID
    AUTH_GITHUB_SECRET AUTH_GOOGLE_ID AUTH_OKTA_ISSUER AUTH_REDIRECT_PROXY_URL NEXTAUTH_URL NEXTAUTH_SECRET
    BASIC_AUTH_USER OAUTH_CLIENT_ID GITHUB_TOKEN GITHUB_ACTIONS GITHUB_SHA GITHUB_REF GITHUB_ENV GITHUB_PATH GITHUB_JOB
    GITHUB_ACTOR GITHUB_API_URL GITHUB_SERVER_URL GITHUB_GRAPHQL_URL GITHUB_REPOSITORY GITHUB_WORKSPACE GH_TOKEN GH_HOST
    GOOGLE_APPLICATION_CREDENTIALS GOOGLE_CLOUD_PROJECT GOOGLE_API_KEY GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
    CLOUDSDK_CONFIG AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_FEDERATED_TOKEN_FILE AZURE_AUTHORITY_HOST
    AZURE_SUBSCRIPTION_ID AZURE_STORAGE_CONNECTION_STRING OKTA_CLIENT_ID OKTA_CLIENT_SECRET OKTA_CLIENT_ORGURL
    OKTA_CLIENT_TOKEN OKTA_ISSUER OKTA_API_TOKEN AUTH0_CLIENT_ID AUTH0_CLIENT_SECRET AUTH0_SECRET AUTH0_BASE_URL
    AUTH0_ISSUER_BASE_URL OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_ISSUER AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
    DATABASE_URL PGHOST PGPORT DB_HOST DB_PORT MYSQL_HOST SMTP_HOST SMTP_PORT REDIS_HOST REDIS_PORT REDIS_URI
    REDIS_TLS_URL REDIS_PASSWORD REDISCLI_AUTH MONGO_URL BASE_URL APP_URL PUBLIC_DIR SERVER_PORT HTTP_PORT METRICS_PORT
    DOCKER_HOST KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT_443_TCP K_SERVICE DYNO VERCEL_URL
    WEBSITE_HOSTNAME ANTHROPIC_API_KEY OPENAI_API_KEY MCP_HOST MCP_PORT MCP_AUTH_TOKEN MCP_SERVER_URL MCP_PROXY_AUTH_TOKEN
    MCP_SESSION_ID AZURE_AD_CLIENT_ID AZURE_AD_CLIENT_SECRET AZURE_AD_TENANT_ID AUTH_DOMAIN AUTH_AUDIENCE
    FASTMCP_SERVER_AUTH CLIENT_ID CLIENT_SECRET SCOPES JWT_SECRET SESSION_SECRET COOKIE_SECRET CORS_ALLOWED_ORIGINS
    TRUST_PROXY BODY_LIMIT RATE_LIMIT SENTRY_DSN OTEL_SERVICE_NAME IDPLUG_TOKENS _`
      .split(/\s+/)
      .map(name => [name, 'set']),
  ),
  // Services that Kubernetes knows, called like something of ours.
  IDPLUG_SERVICE_HOST: '10.0.0.7',
  IDPLUG_SERVICE_PORT: '3232',
  IDPLUG_PORT: 'tcp://10.0.0.7:3232',
  IDPLUG_PORT_3232_TCP_ADDR: '10.0.0.7',
  BRIDGE_PORT: 'tcp://10.0.0.8:3001',
  AUTH_SERVER_SERVICE_HOST: '10.0.0.8',
  AUTH_SERVER_PORT_3001_TCP: 'tcp://10.0.0.8:3001',
}

describe('a misspelled setting', () => {
  it.each([...general.map(name => [name, undefined] as const), ...ofProvider])(
    'is reported, whichever letter of %s is wrong',
    (name, provider) => {
      const wrong = slips(name)
      const set = Object.fromEntries(wrong.map(slip => [slip, '1']))
      const { problems, warnings } = lines({ ...(provider && { AUTH_PROVIDER: provider }), ...set })
      const missed = wrong.filter(
        slip => ![...problems, ...warnings].some(line => line.startsWith(`${slip} is not a setting; did you mean `)),
      )
      expect(missed).toEqual([])
    },
  )

  it.each<[Env, string]>([
    [{ AUTH_PROVDER: 'auth0' }, 'AUTH_PROVDER: is not a setting; did you mean AUTH_PROVIDER?'],
    [{ auth_provider: 'auth0' }, 'auth_provider: is not a setting; did you mean AUTH_PROVIDER?'],
    [{ 'auth-provider': 'auth0' }, 'auth-provider: is not a setting; did you mean AUTH_PROVIDER?'],
    [{ IDPLUG_AUTH_PROVIDER: 'auth0' }, 'did you mean AUTH_PROVIDER?'],
    [{ IDPLUG_PORT: '80' }, 'did you mean PORT?'],
    [{ MCP_AUTH_PROVIDER: 'auth0' }, 'did you mean AUTH_PROVIDER?'],
    [{ NODE_EVN: 'production' }, 'did you mean NODE_ENV?'],
    [{ AUTH_PROVIDER_NAME: 'auth0' }, 'AUTH_PROVIDER_NAME: is not a setting.'],
    [{ AUTH_PROVIDER_1: 'auth0' }, 'did you mean AUTH_PROVIDER?'],
    [{ AUTH_CONFIG_FILE: 'own.json' }, 'only secrets can be read from files. Set AUTH_CONFIG itself'],
    [{ LOG_LEVEL_FILE: '/run/level' }, 'only secrets can be read from files. Set LOG_LEVEL itself'],
    [{ AUTH0_DOMIAN: 'a.eu.auth0.com' }, 'did you mean AUTH0_DOMAIN, with AUTH_PROVIDER=auth0?'],
    [
      { AUTH_PROVIDER: 'auth0', AUTH0_DOMIAN: 'a.eu.auth0.com' },
      'AUTH0_DOMIAN: is not a setting; did you mean AUTH0_DOMAIN?',
    ],
    [{ AUTH_BRIDGE: 'on', BRIDGE_DENY: 'ben' }, 'BRIDGE_DENY: is not a setting.'],
  ])('stops the start: %j', (env, line) => {
    expect(stops(env)).toContain(line)
  })

  it('refuses a misspelled setting also where the right one is set to something else', () => {
    expect(stops({ AUTH_PROVIDER: 'demo', AUTH_PROVDER: 'auth0' })).toContain('did you mean AUTH_PROVIDER?')
  })

  it('reports a misspelled setting together with all other problems', () => {
    const found = stops({ AUTH_PROVDER: 'auth0', PORT: 'abc', OKTA_DOMAIN: 'acme.okta.com', REGISTATION: 'off' })
    for (const part of ['AUTH_PROVDER', 'PORT: must be', 'OKTA_DOMAIN', 'REGISTRATION?']) expect(found).toContain(part)
  })

  it('never shows the value of a misspelled setting', () => {
    expect(stops({ DEMO_RS_CLIENT_SECERT: 'hunter2-hunter2-hunter2' })).not.toContain('hunter2')
  })

  it('ignores a misspelled setting that is empty, or is the same variable where names ignore case', () => {
    expect(lines({ AUTH_PROVDER: ' ' })).toEqual({ problems: [], warnings: [] })
    expect(lines({ auth_provider: 'demo', AUTH_PROVIDER: 'demo' })).toEqual({ problems: [], warnings: [] })
  })

  it('accepts a name like a setting that the user’s own files refer to', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how the files refer to the environment.
    const AUTH_CONFIG = file({ adapter: 'oidc', metadataUrl: 'https://${ACME_TENANT}', audience: '${ACME_AUDIENCE:-}' })
    const env = { AUTH_CONFIG, ACME_TENANT: 'id.example.com' }
    expect(lines({ ...env, ACME_AUDIENCE: 'x' }).problems).toEqual([])
    expect(lines({ ...env, ACME_AUDIANCE: 'x' }).problems).toEqual([
      expect.stringContaining('ACME_AUDIANCE is not a setting; did you mean ACME_AUDIENCE?'),
    ])
    const AUTH_CLIENTS_FILE = file({ clients: [{ clientSecretEnv: 'NIGHTLY_SECRET' }] })
    expect(lines({ AUTH_CLIENTS_FILE, NIGHTLY_SECRETS: 'x' }).problems.join()).toContain('did you mean NIGHTLY_SECRET?')
  })
})

describe('what other software sets', () => {
  const choices: [string, Env][] = [
    ['nothing chosen', {}],
    ...adapters.map(({ name }): [string, Env] => [name, { AUTH_PROVIDER: name }]),
    ['a bridge', { AUTH_PROVIDER: 'okta', AUTH_BRIDGE: 'on' }],
  ]

  it.each(choices)('starts in spite of the variables of other software with %s', (_what, env) => {
    expect(Object.keys(FOREIGN).length).toBeGreaterThan(150)
    expect(lines({ ...FOREIGN, ...env }).problems).toEqual([])
  })

  it('warns of a variable of other software that may have been meant for us', () => {
    const meant = lines(FOREIGN).warnings.map(line => /^(\w+) is not a setting; did you mean/.exec(line)?.[1] ?? line)
    expect(meant.toSorted()).toEqual(
      `APT_CONFIG AUTH_AUDIENCE AUTH_DOMAIN AZURE_AD_CLIENT_ID AZURE_AD_TENANT_ID CMD GOOGLE_CLIENT_ID LOGLEVEL
      MCP_SESSION_ID OIDC_CLIENT_ID OKTA_CLIENT_ID REDIS_URI`.split(/\s+/),
    )
    expect(lines({ AUTH_PROVIDER: 'okta', OKTA_CLIENT_ID: 'x' }).warnings).toEqual([
      'OKTA_CLIENT_ID is not a setting; did you mean OKTA_CLIENT_IDS?',
    ])
    expect(lines({ AUTH_PROVIDER: 'okta', OKTA_CLIENT_ID: 'x', OKTA_CLIENT_IDS: 'x' }).warnings).toEqual([])
    expect(lines({ AUTH_PROVIDER: 'auth0', AUTH_ISSUER: 'x' }).warnings).toEqual([
      'AUTH_ISSUER is not a setting and has no effect',
    ])
    expect(lines({ AUTH_PROVIDER: 'auth0', DPOP_REQUIRED: 'on' }).warnings).toEqual([
      'DPOP_REQUIRED is not a setting and has no effect',
    ])
  })
})

describe('settings of a provider that is not chosen', () => {
  it.each<[Env, string]>([
    [
      { AUTH0_DOMAIN: 'a.eu.auth0.com', AUTH0_AUDIENCE: 'x' },
      'AUTH_PROVIDER: is not set, but there is AUTH0_DOMAIN, AUTH0_AUDIENCE (of auth0). Set AUTH_PROVIDER=auth0, or AUTH_PROVIDER=demo',
    ],
    [{ AZURE_TENANT_ID: 't', GITHUB_CLIENT_ID: 'c' }, 'AZURE_TENANT_ID (of azure), GITHUB_CLIENT_ID (of github)'],
    [{ INTROSPECTION_CLIENT_SECRET_FILE: '/run/secret' }, 'INTROSPECTION_CLIENT_SECRET_FILE (of introspection)'],
    [{ OKTA_INTROSPECTION_CLIENT_SECRET: 's' }, 'OKTA_INTROSPECTION_CLIENT_SECRET (of okta)'],
    [{ AUTH_SHADOW: 'auth0', AUTH0_DOMAIN: 'a.eu.auth0.com', OKTA_DOMAIN: 'acme.okta.com' }, 'OKTA_DOMAIN (of okta)'],
  ])('stop the start while nobody has chosen one: %j', (env, line) => {
    expect(stops(env)).toContain(line)
  })

  it.each<[Env]>([
    [{ AUTH_PROVIDER: 'demo', AUTH0_DOMAIN: 'a.eu.auth0.com' }],
    [{ AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', AUTH0_DOMAIN: 'a.eu.auth0.com' }],
    [{ AUTH_METADATA_URL: 'https://acme.okta.com/oauth2/default', AUTH0_DOMAIN: 'a.eu.auth0.com' }],
  ])('are a warning beside one that is chosen: %j', env => {
    const { warnings } = loadConfiguration(env)
    expect(warnings).toEqual([
      { setting: 'AUTH0_DOMAIN', problem: 'has no effect: auth0 is not in use', see: 'docs/settings.md' },
    ])
  })

  it('does not count the shadow, the bridge and the user’s own files as providers that are not chosen', () => {
    const shadow = { AUTH_SHADOW: 'auth0', AUTH0_DOMAIN: 'a.eu.auth0.com' }
    expect(lines(shadow)).toEqual({ problems: [], warnings: [] })
    expect(lines({ AUTH_BRIDGE: 'on', AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' })).toEqual({
      problems: [],
      warnings: [],
    })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how the files refer to the environment.
    const AUTH_CONFIG = file({ adapter: 'auth0', metadataUrl: 'https://${AUTH0_DOMAIN}' })
    const { warnings } = lines({ AUTH_CONFIG, AUTH0_DOMAIN: 'a.eu.auth0.com', AUTH0_AUDIENCE: 'x' })
    expect(warnings).toEqual(['AUTH0_AUDIENCE has no effect: auth0 is not in use'])
  })
})

describe('settings of what is not in use', () => {
  it('refuses settings of the bridge without AUTH_BRIDGE, because they say who may enter', () => {
    const env = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', BRIDGE_ALLOW: '@example.com' }
    expect(stops(env)).toContain('AUTH_BRIDGE: is not set, but there is BRIDGE_ALLOW. Set AUTH_BRIDGE=on')
    expect(loadConfiguration({ ...env, AUTH_BRIDGE: 'off' }).warnings).toEqual([])
  })

  it('lets the demo encrypt its store with BRIDGE_KEYS, as the warning without them asks', () => {
    const env = { DATABASE_URL: 'postgres://db.example.com/idplug' }
    expect(loadConfiguration(env).warnings).toEqual([expect.objectContaining({ setting: 'BRIDGE_KEYS' })])
    const BRIDGE_KEYS = Buffer.alloc(32, 7).toString('base64')
    expect(loadConfiguration({ ...env, BRIDGE_KEYS }).warnings).toEqual([])
    const { warnings } = loadConfiguration({ BRIDGE_KEYS, AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' })
    expect(warnings).toEqual([expect.objectContaining({ setting: 'BRIDGE_KEYS' })])
  })

  it('warns of settings that only our own authorization server obeys, where it does not run', () => {
    const env = { REVOKE_BEFORE: '2026-01-01T00:00:00Z' }
    expect(loadConfiguration(env).warnings).toEqual([])
    const { warnings } = loadConfiguration({ ...env, AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' })
    expect(warnings).toEqual([expect.objectContaining({ setting: 'REVOKE_BEFORE' })])
  })
})

describe('rules about people', () => {
  const auth0 = { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'a.eu.auth0.com' }
  const keycloak = { AUTH_PROVIDER: 'keycloak', KEYCLOAK_URL: 'https://id.example.com', KEYCLOAK_REALM: 'acme' }

  it.each<[Env, string]>([
    [{ ...auth0, AUTH0_ALLOW_LIST: '@example.com' }, 'AUTH0_ALLOW_LIST is not a setting; did you mean AUTH0_ALLOW?'],
    [{ ...auth0, AUTH0_ALLOWED_USERS: '@example.com' }, 'AUTH0_ALLOWED_USERS is not a setting; did you mean'],
    [
      { ...keycloak, KEYCLOAK_GROUPS_CLAIM: 'groups' },
      'KEYCLOAK_GROUPS_CLAIM is not a setting: AUTH_PROVIDER=keycloak',
    ],
    [{ ...keycloak, KEYCLOAK_WIRE_SCOPES: 'openid' }, 'KEYCLOAK_WIRE_SCOPES is not a setting: AUTH_PROVIDER=keycloak'],
    [{ AUTH_PROVIDER: 'github', GITHUB_GROUPS_CLAIM: 'x' }, 'GITHUB_GROUPS_CLAIM is not a setting'],
  ])('stop the start where their name is none that is read: %j', (env, line) => {
    expect(lines(env).problems).toEqual([expect.stringContaining(line)])
  })

  it('stop the start where the provider is configured under another name', () => {
    expect(lines({ ...keycloak, OIDC_ALLOW: '@example.com' }).problems).toEqual([
      expect.stringContaining('OIDC_ALLOW has no effect: the settings of oidc are read with AUTH_PROVIDER=oidc only'),
    ])
    const AUTH_CONFIG = file({ adapter: 'auth0', metadataUrl: 'https://a.eu.auth0.com' })
    expect(lines({ AUTH_CONFIG, AUTH0_ALLOW: '@example.com' }).problems.join()).toContain('AUTH0_ALLOW has no effect')
    expect(lines({ ...auth0, OKTA_ALLOW: '@example.com' }).problems).toEqual([])
  })

  it('of tokens of the provider itself are a warning with the bridge, unless that provider is in the shadow', () => {
    const bridge = { ...auth0, AUTH_BRIDGE: 'on', AUTH0_ALLOW: '@example.com', AUTH0_AUDIENCE: 'x' }
    const warning = expect.stringContaining('AUTH0_ALLOW has no effect: with AUTH_BRIDGE=on, BRIDGE_ALLOW')
    const audience = expect.stringContaining('AUTH0_AUDIENCE has no effect: with AUTH_BRIDGE=on, clients send tokens')
    expect(lines(bridge)).toEqual({ problems: [], warnings: [warning, audience] })
    expect(lines({ ...bridge, AUTH_SHADOW: 'auth0' }).warnings).toEqual([])
  })
})

describe('settings beside providers that are configured in code', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how options refer to the environment.
  const metadataUrl = 'https://${AUTH0_DOMAIN}/.well-known/openid-configuration'
  const providers = [{ adapter: auth0, options: { metadataUrl } }]
  const load = (env: Env) => loadConfiguration(env, { providers })

  it('accepts settings that the options of providers in code refer to', () => {
    const { warnings, providers } = load({ AUTH0_DOMAIN: 'a.eu.auth0.com' })
    expect(warnings).toEqual([])
    expect(providers.map(({ options }) => options.metadataUrl)).toEqual([
      'https://a.eu.auth0.com/.well-known/openid-configuration',
    ])
  })

  it('checks settings beside providers in code for misspellings', () => {
    expect(() => load({ AUTH0_DOMAIN: 'a.eu.auth0.com', AUTH0_DOMIAN: 'x' })).toThrow('did you mean AUTH0_DOMAIN?')
  })

  it('asks for no choice of a provider where the code configures one', () => {
    const { warnings } = load({ AUTH0_DOMAIN: 'a.eu.auth0.com', OKTA_DOMAIN: 'acme.okta.com' })
    expect(warnings).toEqual([expect.objectContaining({ setting: 'OKTA_DOMAIN' })])
  })

  it('refuses settings that choose another provider or a bridge beside providers in code', () => {
    const env = { AUTH0_DOMAIN: 'a.eu.auth0.com' }
    const choices: Env[] = [
      { AUTH_PROVIDER: 'demo' },
      { AUTH_METADATA_URL: 'https://acme.okta.com' },
      { AUTH_CONFIG: 'own.json' },
      { AUTH_SHADOW: 'okta' },
      { AUTH_BRIDGE: 'on' },
    ]
    for (const choice of choices) {
      const [[setting]] = Object.entries(choice) as [[string, string]]
      expect(() => load({ ...env, ...choice })).toThrow(
        `One setting is wrong:\n  ${setting}: is set, but the code passes its own providers; keep one of the two`,
      )
    }
    expect(load({ ...env, AUTH_BRIDGE: 'off' }).bridge).toBeUndefined()
  })

  it('starts the demo sign-in beside providers in code only where the code names it', () => {
    expect(load({ AUTH0_DOMAIN: 'a.eu.auth0.com', HOST: '0.0.0.0' }).usesOwnServer).toBe(false)
    const withDemo = [{ adapter: demo, options: demoOptions }]
    expect(loadConfiguration({}, { providers: withDemo }).usesOwnServer).toBe(true)
    expect(() => loadConfiguration({ HOST: '0.0.0.0' }, { providers: withDemo })).toThrow(
      'providers: includes demo, a sign-in that lets anybody in',
    )
  })
})

describe('names in a file', () => {
  it('checks the names in a .env file although none of them is taken from it', () => {
    const { problems } = lines(
      {},
      { values: { AUTH_PROVDER: 'auth0', 'set AUTH_CONFIG': 'x', '$env:PORT': '1', OTHER: '1' } },
    )
    expect(problems).toEqual([
      expect.stringContaining('AUTH_PROVDER is not a setting (in /srv/.env); did you mean AUTH_PROVIDER?'),
      expect.stringContaining('set AUTH_CONFIG is not a setting (in /srv/.env); did you mean AUTH_CONFIG?'),
      expect.stringContaining('$env:PORT is not a setting (in /srv/.env); did you mean PORT?'),
    ])
  })
})

describe('a product that only its URL chose', () => {
  const env = { AUTH_METADATA_URL: 'https://id.example.com/realms/acme' }

  it('stops the start where the settings are those of the adapter, which it does not read', () => {
    expect(lines({ ...env, OIDC_CLIENT_IDS: 'native' }).problems).toEqual([
      expect.stringMatching(
        /^OIDC_CLIENT_IDS has no effect: AUTH_METADATA_URL is that of Keycloak.*AUTH_PROVIDER=oidc/,
      ),
    ])
    expect(lines({ ...env, AUTH_PROVIDER: 'oidc', OIDC_CLIENT_IDS: 'native' }).problems).toEqual([])
  })

  it('does not for what other software sets', () => {
    expect(lines({ ...env, OIDC_ISSUER: 'https://id.example.com' }).problems).toEqual([])
  })
})
