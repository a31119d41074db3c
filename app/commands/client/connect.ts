import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createProviderFetch } from 'idplug'
import { createAuthorizer } from '../../client/authorizer.ts'
import { deviceGrant } from '../../client/device-grant.ts'
import {
  authorizationCodeGrant,
  clientCredentialsGrant,
  type Grant,
  identityAssertionGrant,
  type MachineKey,
  workloadGrant,
} from '../../client/grants.ts'
import { openSession, type Session } from '../../client/session.ts'
import { createMemorySignIns, type SignInStore } from '../../client/sign-ins.ts'
import { createTokenFile, TokenFileError } from '../../client/token-file.ts'
import { askForUrl, listenForBrowser, type VisitOptions } from '../../client/visit.ts'
import { variableProblem } from '../../variable-problem.ts'
import { version } from '../../version.ts'
import { ArgumentError } from './arguments.ts'
import { hasBrowser, openBrowser } from './browser.ts'
import { askPerson } from './questions.ts'
import { printable } from './report.ts'
import { createTrace, type Trace } from './trace.ts'

/** Options of the commands that connect. */
export interface ClientOptions {
  clientId?: string
  clientSecretEnv?: string
  clientMetadata?: string
  issuer?: string
  scope?: string
  redirectUri?: string
  browser: boolean
  device?: boolean
  paste?: boolean
  clientCredentials?: boolean
  privateKey?: string
  workloadToken?: string
  idToken?: string
  idp?: string
  idpClientId?: string
  idpClientSecretEnv?: string
  dpop?: boolean
  protocol?: string
  register?: boolean
  verbose?: boolean
  args?: string
  all?: boolean
  json?: boolean
}

/** A person has to sign in, and nobody is there. */
export class SignInNeededError extends Error {
  override name = 'SignInNeededError'
  /** What the sign-in has to be for. */
  readonly scope: string | undefined

  constructor(scope: string | undefined) {
    super('a person has to sign in')
    this.scope = scope
  }
}

/** A connection that a command needs. */
export interface Connection {
  /** URL of the MCP endpoint. */
  readonly server: string
  readonly options: ClientOptions
  readonly store: SignInStore
  /** Somebody asked to sign in. Default: no, so that a person is asked at a terminal only. */
  readonly isLogin?: boolean
}

/**
 * Connects, does the work, and closes the connection.
 *
 * @throws {ArgumentError} Options do not go together, or what they name cannot be used.
 */
export async function withSession(
  { options, store, isLogin = false, ...connection }: Connection,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const server = new URL(connection.server)
  const plainFetch = createProviderFetch(process.env)
  const trace = options.verbose ? createTrace(server, say, plainFetch) : undefined
  const fetch = trace?.fetch ?? plainFetch
  const clientSecret = secretOf('--client-secret-env', options.clientSecretEnv)
  checkCredentials(options)
  const authorizer = createAuthorizer({
    server,
    store,
    grant: await grantFor(options, isLogin, trace),
    fetch,
    now: Date.now,
    client: options.clientId === undefined ? undefined : { clientId: options.clientId, clientSecret },
    clientMetadataUrl: options.clientMetadata,
    issuer: options.issuer,
    scope: options.scope,
    dpop: options.dpop,
    registerAnew: options.register,
  })
  const elicit = isAtTerminal() && !options.json ? askPerson : undefined
  const session = await openSession({ server, authorizer, fetch, version, protocol: options.protocol, elicit })
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

function checkCredentials(options: ClientOptions): void {
  const needs = (is: unknown, needed: unknown, message: string) => {
    if (is && !needed) throw new ArgumentError(message)
  }
  const { clientCredentials, clientId, clientSecretEnv, idp, idpClientId, idToken, issuer, privateKey } = options
  needs(isMachine(options) || clientSecretEnv, clientId, 'it needs --client-id')
  needs(
    clientCredentials,
    clientSecretEnv || privateKey,
    '--client-credentials needs --client-secret-env or --private-key',
  )
  needs(privateKey, clientCredentials, '--private-key is for --client-credentials')
  needs(idToken, idp && idpClientId, '--id-token needs --idp and --idp-client-id')
  // A server that is not the one that the person means could otherwise name itself as the place for them.
  needs(
    isMachine(options) || clientSecretEnv,
    issuer,
    'it needs --issuer: credentials go to the authorization server that you name, and to no other',
  )
}

async function grantFor(options: ClientOptions, isLogin: boolean, trace: Trace | undefined): Promise<Grant> {
  const { device, idToken, idp, idpClientId, idpClientSecretEnv, paste, privateKey, redirectUri, workloadToken } =
    options
  if (options.clientCredentials) return clientCredentialsGrant(privateKey ? await readKey(privateKey) : undefined)
  if (workloadToken) return workloadGrant(() => readToken(workloadToken))
  if (idToken && idp && idpClientId) {
    const clientSecret = secretOf('--idp-client-secret-env', idpClientSecretEnv)
    return identityAssertionGrant({ url: idp, clientId: idpClientId, clientSecret, idToken: () => readToken(idToken) })
  }
  if (device) {
    return deviceGrant(({ expiresIn, userCode, verificationUri, verificationUriComplete }) => {
      say(`Open ${verificationUri} on any machine, and enter\n\n  ${printable(userCode)}\n`)
      if (verificationUriComplete) say(`or open ${verificationUriComplete}.`)
      say(`The code is good for ${Math.floor(expiresIn / 60)} minutes. Waiting.`)
    })
  }
  if (!isSomebodyThere(options, isLogin)) {
    return {
      grantTypes: ['authorization_code', 'refresh_token'],
      obtain: ({ scope }) => Promise.reject(new SignInNeededError(scope)),
    }
  }
  const fixed = redirectUri ?? (options.clientId === undefined ? undefined : DEFAULT_REDIRECT_URI)
  const visit: VisitOptions = {
    redirectUri: fixed,
    say,
    openBrowser: options.browser ? openBrowser : undefined,
    mayBeElsewhere: !options.browser || !hasBrowser(process.env, process.platform),
  }
  return authorizationCodeGrant(async kept => {
    const made = await (paste ? askForUrl(visit, kept) : listenForBrowser(visit, kept))
    return trace?.visit(made) ?? made
  })
}

/** A person at a terminal, or one who started `login` and said how to sign in, or has a browser here. */
function isSomebodyThere({ browser, paste }: ClientOptions, isLogin: boolean): boolean {
  if (isAtTerminal()) return true
  return isLogin && (paste || !browser || hasBrowser(process.env, process.platform))
}

const say = (message: string) => console.error(message)

/** Registered at providers for this program, which is why its port does not change. */
const DEFAULT_REDIRECT_URI = 'http://127.0.0.1:8765/callback'

export const isMachine = (options: ClientOptions) =>
  Boolean(options.clientCredentials || options.workloadToken || options.idToken)

const isAtTerminal = () => process.stdin.isTTY === true && process.stderr.isTTY === true

export async function storeFor(options: ClientOptions): Promise<SignInStore> {
  return isMachine(options) ? createMemorySignIns() : createTokenFile(await tokensPath())
}

/** @throws {TokenFileError} There is no folder for it. */
export async function tokensPath(): Promise<string> {
  if (process.env.IDPLUG_TOKENS) return process.env.IDPLUG_TOKENS
  try {
    // It asks for the home folder when it is loaded, and a user without a name may have none.
    const { default: envPaths } = await import('env-paths')
    return join(envPaths('idplug', { suffix: '' }).config, 'tokens.json')
  } catch {
    throw new TokenFileError(
      'This user has no home folder, so there is no place for sign-ins: set IDPLUG_TOKENS to a file that only this user can read',
    )
  }
}

function secretOf(option: string, name: string | undefined): string | undefined {
  const secret = name === undefined ? undefined : process.env[name]
  if (name !== undefined && !secret) throw new ArgumentError(`${option} ${variableProblem(name)}`)
  return secret
}

async function readToken(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim()
}

async function readKey(file: string): Promise<MachineKey> {
  let key: KeyObject
  try {
    key = createPrivateKey(await readFile(file))
  } catch {
    throw new ArgumentError(`${file} holds no private key (PKCS #8 in PEM, without a passphrase)`)
  }
  const { namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const curves: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
  const algorithms: Record<string, string | undefined> = { rsa: 'RS256', ec: curves[namedCurve], ed25519: 'EdDSA' }
  const algorithm = algorithms[key.asymmetricKeyType ?? '']
  if (!algorithm) throw new ArgumentError(`${file} holds a key of a kind that signs no assertions`)
  return { privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string, algorithm }
}
