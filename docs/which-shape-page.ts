import { namedProviders } from '../adapters/index.ts'
import type { ClientOutlook } from '../app/commands/doctor/clients.ts'
import { examineServer } from '../app/commands/doctor/doctor.ts'
import { createAuth0Emulator, createOidcEmulator, type Emulator } from '../emulators/index.ts'
import { type Program, programs } from '../emulators/programs.ts'
import { createAuth } from '../index.ts'
import { protect } from '../src/edges/fetch.ts'

/** How people sign in at a server, and what well-known clients make of it. */
interface SignInWay {
  /** As the table says it. */
  readonly title: string
  readonly outlooks: readonly ClientOutlook[]
}

/** An emulated provider, of which nothing listens, and what a server is set to. */
interface Emulated {
  readonly emulator: Pick<Emulator, 'fetch'>
  readonly settings: Readonly<Record<string, string>>
}

const HERE = 'http://localhost:3000'
const IN_PUBLIC = 'https://mcp.example.com'
/** Of the server in public, which tokens of the emulators are for. */
const RESOURCE = `${IN_PUBLIC}/mcp`
/** With scopes that the emulators know. */
const FILES = {
  name: 'Files',
  resource: `${HERE}/mcp`,
  scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' },
  initialScopes: ['notes:read'],
} as const
const METADATA = '/.well-known/openid-configuration'

const CELLS: Readonly<Record<ClientOutlook['verdict'], string>> = {
  connects: 'yes',
  'set up': 'set up',
  fails: 'no',
  'not verified': '?',
}

const AT = 'https://id.example.com'
/** Providers that do not let clients register as they come, in the order of the table. */
const PROVIDERS = ['auth0', 'okta', 'azure', 'google', 'github'] as const
/** Products at which no client can register as they come; for the others it depends on a switch (docs/providers/presets.md). */
export const PRODUCTS = ['keycloak', 'cognito', 'zitadel', 'ping', 'authentik'] as const

/** Every row of the table, as the doctor sees it. */
async function signInWays(): Promise<SignInWay[]> {
  const ways = [
    await way('the demo, on this machine', { emulator: { fetch }, settings: {} }, HERE),
    await way('any provider, by the bridge', bridged()),
  ]
  for (const name of PROVIDERS) ways.push(await way(titleOf(name), emulated(name)))
  for (const product of PRODUCTS) ways.push(await way(titleOf(product), emulatedProduct(product)))
  ways.push(
    await way(titleOf('auth0', ', with registration open'), openAuth0()),
    await way(titleOf('workos', ', with metadata documents on'), emulatedProduct('workos')),
  )
  return ways
}

/** A provider of which two kinds are told apart. */
const KINDS: Readonly<Record<string, string>> = { okta: ', a custom authorization server' }

function titleOf(name: string, kind = KINDS[name] ?? ''): string {
  const provider = namedProviders.find(known => known.name === name)
  return `${provider?.title ?? name}${kind} (\`${name}\`)`
}

async function way(title: string, { emulator, settings }: Emulated, origin = IN_PUBLIC): Promise<SignInWay> {
  const auth = createAuth(FILES, { env: { PUBLIC_URL: origin, ...settings }, fetch: emulator.fetch })
  try {
    await auth.ready()
    const serve = protect<[typeof LOCAL]>(auth, () => new Response())
    const { clients } = await examineServer(`${origin}/mcp`, async (input, init) => {
      const request = new Request(input, init)
      return new URL(request.url).origin === origin ? serve(request, LOCAL) : emulator.fetch(request)
    })
    return { title, outlooks: clients }
  } finally {
    await auth.close()
  }
}

/** What Deno passes to a handler beside the request: who asks is on this machine. */
const LOCAL = { remoteAddr: { hostname: '127.0.0.1', port: 50_000, transport: 'tcp' } }

/** Where the doctor knows what the metadata does not tell. */
const ORIGINS: Partial<Record<(typeof PROVIDERS)[number], string>> = {
  google: 'https://accounts.google.com',
  github: 'https://github.com',
}

function emulated(name: (typeof PROVIDERS)[number]): Emulated {
  const at = ORIGINS[name] ?? AT
  const program: Program = programs[name]({
    resource: RESOURCE,
    scopes: Object.keys(FILES.scopes),
    redirectUris: [],
    options: { origin: at },
  })
  return {
    emulator: program.emulator,
    settings: { AUTH_PROVIDER: name, ...program.place(at), ...program.tokens?.(at) },
  }
}

/** After the switch of a tenant: [Auth0](providers/auth0.md). */
function openAuth0(): Emulated {
  const emulator = createAuth0Emulator({ origin: AT, dynamicRegistration: true })
  return { emulator, settings: { AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL: AT + METADATA } }
}

function emulatedProduct(product: (typeof PRODUCTS)[number] | 'workos'): Emulated {
  const emulator = createOidcEmulator({ product, origin: AT, audience: RESOURCE })
  const issuer = emulator.issuer().replace(/\/$/, '')
  return { emulator, settings: { AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: issuer + METADATA } }
}

function bridged(): Emulated {
  const settings = {
    AUTH_PROVIDER: 'auth0',
    AUTH_METADATA_URL: AT + METADATA,
    AUTH_BRIDGE: 'on',
    BRIDGE_CLIENT_ID: 'bridge',
    BRIDGE_CLIENT_SECRET: 'secret',
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: 'notes:read',
  }
  return { emulator: createAuth0Emulator({ origin: AT }), settings }
}

/** The table: a row for ways to sign in that are alike, a column for each client. */
function outlookTable(ways: readonly SignInWay[]): string {
  const clients = ways[0]?.outlooks.map(({ client }) => client) ?? []
  const rows = new Map<string, string[]>()
  for (const { outlooks, title } of ways) {
    const cells = outlooks.map(({ verdict }) => CELLS[verdict]).join(' | ')
    rows.set(cells, [...(rows.get(cells) ?? []), title])
  }
  return [
    `| people sign in at | ${clients.join(' | ')} |`,
    `| --- |${' --- |'.repeat(clients.length)}`,
    ...[...rows].map(([cells, titles]) => `| ${titles.join('<br>')} | ${cells} |`),
  ].join('\n')
}

/** Why clients fail, and which. */
function reasons(ways: readonly SignInWay[]): string {
  const failing = ways.flatMap(({ outlooks }) => outlooks.filter(({ verdict }) => verdict === 'fails'))
  return [...new Set(failing.map(({ because }) => because))]
    .map(reason => {
      const clients = new Set(failing.filter(({ because }) => because === reason).map(({ client }) => client))
      return `  - ${[...clients].join(', ')}: ${reason}`
    })
    .join('\n')
}

/** `docs/which-shape.md`. */
export async function whichShapePage(): Promise<string> {
  const ways = await signInWays()
  return `# Which shape do I need?

Three questions, or four; the answers make the command. Every shape has the same rules, refusals and settings, so you can change your mind
later. The table of clients is made by \`npm run docs\` with what [\`idplug doctor\`](doctor.md) knows about them.

## 1. Where does the check go?

| your server | shape | |
| --- | --- | --- |
| is written in JavaScript or TypeScript, and you can change it | **library** | [own-server.md](own-server.md) |
| is in another language, speaks stdio, or belongs to somebody else | **gateway** | [gateway.md](gateway.md) |
| stands behind nginx, Caddy, Traefik or Envoy, and all traffic has to go through that proxy | **forward auth** | [proxies](proxies/README.md) |

In doubt between the last two, take the gateway: it sees answers and bodies, so that scopes of single tools, lists and streams work.

## 2. Who signs people in?

| | sign-in | set |
| --- | --- | --- |
| nobody yet: you want to see it work on this machine | **demo** | nothing |
| a provider that you have | go to question 3 | \`AUTH_PROVIDER\` ([names](providers.md)) and its settings |

## 3. Can your clients sign in at that provider themselves?

Find your provider and the clients of your users. This is how providers come, before somebody turns on more; the last rows show what turning it on
changes. Descope lets clients register as it comes; Clerk, Supabase and Logto have switches for it, Keycloak has policies: [products](providers/presets.md).

${outlookTable(ways)}

- **yes**: the client connects on its own.
- **set up**: somebody has to set something up first. Mostly that is a client id: the client cannot register at this provider, so a person
  registers it there and enters the id in the client, with its secret where the provider gave it one. For web pages it is \`ALLOWED_ORIGINS\`.
- **no**: it fails, because
${reasons(ways)}
- **?**: nobody has tried, or written it down.

Okta's org authorization server (\`https://acme.okta.com\`, without \`/oauth2/…\`) knows no scopes of yours, so clients cannot sign in there
[directly](providers/okta.md#the-org-authorization-server): use the bridge. At Google, MCP clients get no refresh token, so people sign in again every
hour; through the bridge they do not.

If everything that you need says *yes*, or *set up* and somebody can do that for your users, clients sign in **directly** at the provider. Otherwise
take the **bridge**: clients deal with your server, and your server with the provider ([bridge.md](bridge.md)). What a client asks for, and
what it makes of a 403: [clients.md](clients.md).

## 4. Where does our authorization server run?

Only for the demo and the bridge. Directly, there is none.

| | \`AUTH_MODE\` |
| --- | --- |
| in the process and on the port of your server: nothing else to run. The default of the library | \`embedded\` |
| in the process, on a port of its own. The default of the commands | \`beside\` |
| [a process of its own](own-server.md#a-declaration-in-a-file), for several servers, or so that restarts of a server touch no sign-in | \`separate\` |

More than one process needs a [store](production.md), whichever you choose.

## The command

\`NAME\` is the name of your provider, and \`SETTINGS\` what [its section](providers.md) asks for.

${commands()}

Then let the doctor look at the server that runs. It says for that server what the table says in general:

\`\`\`sh
npx idplug doctor http://localhost:3232/mcp
\`\`\`
`
}

const SHAPES = {
  library: 'node server.ts',
  gateway: 'npx idplug gateway --to http://127.0.0.1:8000/mcp',
  'forward auth': 'PUBLIC_URL=http://localhost:8080 npx idplug forward-auth',
}

const SIGN_INS = {
  demo: '',
  directly: 'AUTH_PROVIDER=NAME SETTINGS ',
  'by the bridge': 'AUTH_PROVIDER=NAME AUTH_BRIDGE=on SETTINGS ',
}

function commands(): string {
  const rows = Object.entries(SHAPES).flatMap(([shape, command]) =>
    Object.entries(SIGN_INS).map(([signIn, settings]) => `| ${shape} | ${signIn} | \`${settings}${command}\` |`),
  )
  return ['| check | sign-in | command |', '| --- | --- | --- |', ...rows].join('\n')
}
