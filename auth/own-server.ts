import type { IncomingMessage, ServerResponse } from 'node:http'
import { callbackOf } from '../config/bridge.ts'
import { knownNames } from '../config/known-names.ts'
import type { Configuration, Environment } from '../config/load.ts'
import type { ConfiguredProvider } from '../config/providers.ts'
import type { AuthObserver } from '../src/auth.ts'
import type { AuthorizationServer } from '../src/authorization-server.ts'
import { ConfigError, type ConfigProblem } from '../src/config-error.ts'
import { proxyUrl } from '../src/provider-fetch.ts'
import type { ResourceDeclaration } from './declaration.ts'
import {
  allowsStrangers,
  answerOf,
  isFromHere,
  isSentFromHere,
  NOT_STARTED,
  type Refusal,
  STRANGER,
  send,
} from './own-server-refusals.ts'
import type { Running } from './own-server-run.ts'
import type { Watching } from './watching.ts'

/** The package of the authorization server. Its types are known here, its code is loaded when it is needed. */
export type ServerPackage = typeof import('#authorization-server')

export type OpenStores = Awaited<ReturnType<ServerPackage['openStores']>>

export interface OwnServerOptions {
  readonly configuration: Configuration
  /** By the keys of the resources. */
  readonly declarations: Readonly<Record<string, ResourceDeclaration>>
  readonly env: Environment
  /** For requests to a real provider. */
  readonly fetch: typeof globalThis.fetch
  readonly observer: AuthObserver
  /** Aborts when the process is about to stop. */
  readonly stopping?: AbortSignal | undefined
  /** Told of requests and decisions, for `idplug watch`. Default: nobody. */
  readonly watching?: Watching | undefined
  /** Answers what its port serves beside it. Default: nothing. */
  readonly beside?: {
    handles(path: string): boolean
    handler(request: IncomingMessage, response: ServerResponse): void
  }
}

/** Our own authorization server in this process. */
export interface OwnServer extends AuthorizationServer {
  /** What outlives the process; `undefined` where nothing does. */
  readonly stores: () => Promise<OpenStores | undefined>
}

const SEE = 'docs/own-server.md'

/**
 * Why the package of the authorization server cannot be loaded; `undefined` when it can. Looks, and loads nothing.
 *
 * @param reason - The setting that asks for it.
 */
export function serverPackageProblem(reason: string): ConfigProblem | undefined {
  const problem = (text: string): ConfigProblem => ({ setting: reason, problem: text, see: SEE })
  if (isWorker()) return problem('needs the package @idplug/server, which does not run on Workers')
  return isServerPackageThere()
    ? undefined
    : problem('needs our authorization server, which is a separate package: npm install @idplug/server')
}

/** Of the package: in this one, and in what a bundler makes of a server, which has no imports of its own. */
const NAMES = ['#authorization-server', '@idplug/server/authorization-server'] as const

function isServerPackageThere(): boolean {
  return NAMES.some(name => {
    try {
      const { createRequire } = process.getBuiltinModule('node:module')
      // Where that is CommonJS, it has no URL either.
      return createRequire(import.meta.url ?? process.argv[1]).resolve(name)
    } catch {
      return false
    }
  })
}

const isWorker = () => globalThis.navigator?.userAgent === 'Cloudflare-Workers'

/** What is wrong where settings ask for our own authorization server in a Worker, where it cannot run. */
export function misplacedServer(env: Environment, inCode?: readonly ConfiguredProvider[]): ConfigProblem | undefined {
  if (!isWorker()) return undefined
  const { usesOwnServer, isDemoByDefault } = knownNames(env, inCode)
  if (!usesOwnServer || env.AUTH_MODE?.trim() === 'separate') return undefined
  const isBridge = env.AUTH_BRIDGE?.trim() === 'on'
  const problem = `${isBridge ? 'is on' : isDemoByDefault ? 'is not set, which means demo' : 'includes demo'}: that needs our authorization server, which does not run on Workers. Set AUTH_PROVIDER and the settings of the provider, or run that server elsewhere: AUTH_MODE=separate and AUTH_SERVER_URL`
  return { setting: isBridge ? 'AUTH_BRIDGE' : 'AUTH_PROVIDER', problem, see: SEE }
}

/** Out of the sight of bundlers: with it, a server would carry databases that it never uses. */
function importServerPackage(): Promise<ServerPackage> {
  const [name, installed] = NAMES
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name).catch(error =>
    import(/* webpackIgnore: true */ /* @vite-ignore */ installed).catch(() => Promise.reject(error)),
  )
}

/** @throws {ConfigError} It is not installed. */
export async function loadServerPackage(reason: string): Promise<ServerPackage> {
  try {
    return await importServerPackage()
  } catch (error) {
    const problem = serverPackageProblem(reason)
    throw problem ? new ConfigError([problem]) : error
  }
}

/**
 * Our own authorization server for the resources of this process: the demo, or a bridge. Made when it is first needed; one that could
 * not be made is tried again at the next need.
 */
export function createOwnServer(options: OwnServerOptions): OwnServer {
  const { configuration, observer } = options
  const { demoIssuer: issuer, mode } = configuration
  // Settings are read now, and not when the server starts.
  const proxy = proxyUrl(options.env.HTTPS_PROXY || options.env.https_proxy || '') || undefined
  const takesAll = allowsStrangers(configuration)
  let started: Promise<Running> | undefined
  let closing = false

  function start(): Promise<Running> {
    if (closing) return Promise.reject(new Error('the server is shutting down'))
    started ??= load(options, proxy).catch(error => {
      started = undefined
      throw error
    })
    return started
  }

  /** As {@link start}, for those who are not told why it fails. */
  function startForRequest(): Promise<Running> {
    return start().catch((error: Error) => {
      observer.warning?.('The authorization server cannot start.', { reason: error.message })
      throw error
    })
  }

  function handler(request: IncomingMessage, response: ServerResponse): void {
    const { accept = '' } = request.headers
    const refuse = (refusal: Refusal) => send(response, refusal, accept)
    if (!takesAll && !isSentFromHere(request)) return void refuse(STRANGER)
    startForRequest().then(
      ({ handler }) => handler(request, response),
      () => refuse(NOT_STARTED),
    )
  }

  return {
    issuer,
    handles: path => mode === 'embedded' && isOwnPath(path, issuer),
    handler: (request, response) => handler(request as IncomingMessage, response as ServerResponse),
    async respond(request, address) {
      const { headers } = request
      const refuse = (refusal: Refusal) => new Response(...answerOf(refusal, headers.get('accept') ?? ''))
      const { hostname } = new URL(request.url)
      // Where the platform tells no address, the name by which others reach this machine is all that gives them away.
      const isLocal = takesAll || isFromHere(address ?? hostname, hostname, name => headers.get(name))
      if (!isLocal) return refuse(STRANGER)
      const running = await startForRequest().catch(() => undefined)
      if (!running) return refuse(NOT_STARTED)
      return running.fetchInProcess(running.handler, address)(request)
    },
    async fetch(input, init) {
      const { server, fetchInProcess } = await startForRequest()
      return fetchInProcess(server.handler)(input, init)
    },
    stores: async () => (await start()).stores,
    async ready() {
      const { stores } = await start()
      await stores?.check()
    },
    async close() {
      closing = true
      await started?.then(
        ({ close }) => close(),
        () => {},
      )
    },
  }
}

/** A `fetch` that asks our own authorization server in this process, and everybody else over the network. */
export function fetchThrough(own: OwnServer, outside: typeof globalThis.fetch): typeof globalThis.fetch {
  const { origin } = new URL(own.issuer)
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    return url.origin === origin && isOwnPath(url.pathname, own.issuer) ? own.fetch(input, init) : outside(input, init)
  }
}

const DOCUMENTS = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']

/**
 * Everything that the authorization server serves: below the path of its issuer, which a proxy may have taken away, and the documents
 * whose names that path follows (RFC 8414 §3.1).
 */
export function isOwnPath(path: string, issuer: string): boolean {
  const mount = new URL(issuer).pathname.replace(/\/$/, '')
  const inner = path.startsWith(`${mount}/`) ? path.slice(mount.length) : path
  return (
    inner.startsWith('/oauth/') ||
    inner.startsWith('/fakeupstreamauth/') ||
    DOCUMENTS.includes(inner) ||
    DOCUMENTS.some(document => path === document + mount)
  )
}

/** Most servers never start one, so what starts it is loaded with it. */
async function load(options: OwnServerOptions, proxy: string | undefined): Promise<Running> {
  const { bridge } = options.configuration
  const serverPackage = await loadServerPackage(bridge ? 'AUTH_BRIDGE' : 'AUTH_PROVIDER')
  const { run } = await loadRun()
  return await run(serverPackage, options, proxy)
}

/**
 * What starts our own authorization server and opens its stores: a file of its own, which a bundler can leave out of what is loaded first.
 *
 * @throws {Error} The bundle that this server stands in lacks that file.
 */
export async function loadRun(): Promise<typeof import('./own-server-run.ts')> {
  try {
    return await import('./own-server-run.ts')
  } catch (cause) {
    throw new Error('A file of idplug is missing. Deploy every file that the bundler wrote', { cause })
  }
}

/** For a person at a terminal: where people sign in, and what has to be registered there. */
export function bridgeLines({ bridge, demoIssuer }: Configuration): string[] {
  if (!bridge) return []
  return [`People sign in at     ${bridge.metadataUrl}`, `Redirect URI there    ${callbackOf(demoIssuer)}`]
}
