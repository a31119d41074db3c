import { setTimeout as delay } from 'node:timers/promises'
import { parameterOf } from './challenge.ts'
import { dpopOffer } from './dpop-offer.ts'
import { challenge, isServed, listOf, metadata } from './facts.ts'
import { type Issuer, type IssuerOptions, startIssuer } from './issuer/issuer.ts'
import { hello } from './messages.ts'
import { good } from './presenting.ts'
import { createServerProcess, type ServerProcess } from './server-process.ts'
import { createTarget, type Target } from './target.ts'

/** What there is beside the server when it trusts the kit's own issuer. */
export interface Laboratory {
  readonly issuer: Issuer
  /** How long a server may take to notice a change, in seconds. */
  readonly patienceSeconds: number
  /**
   * Ends the server under test and starts it again, so that it has forgotten everything.
   *
   * @returns Whether it answers. `undefined`: only the person can restart it.
   */
  readonly restart?: () => Promise<boolean>
  /** A tool that calls the issuer's downstream URL. */
  readonly downstreamTool?: string
}

export interface LaboratoryOptions extends IssuerOptions {
  /** Starts the server under test, with the shell. Default: the person starts it. */
  readonly serverCommand?: string
  /** What the server expects in `aud`. Default: the `resource` of its metadata, else its URL. */
  readonly audience?: string
  /** Scopes of a token that may do everything. Default: those that the server names. */
  readonly scopes?: readonly string[]
  readonly downstreamTool?: string
  /** JSON-RPC methods that are open to everybody. */
  readonly openMethods?: readonly string[]
  /** Default 35: longer than the half minute for which many servers fetch no keys again. */
  readonly patienceSeconds?: number
  /** Longest wait for a server that accepts tokens of the issuer, in seconds. Default 60. */
  readonly startSeconds?: number
  /** Is told what to set at the server, once the issuer is there. */
  readonly ready?: (issuer: Issuer) => void
}

export interface OpenLaboratory {
  readonly laboratory: Laboratory
  /** Those that a person would otherwise hand in. */
  readonly tokens: Target['tokens']
  close(): Promise<void>
}

/** The server under test cannot be reached; the message says what it printed. */
class UnreachableServerError extends Error {
  override readonly name = 'UnreachableServerError'
}

/** Starts the issuer, then the server, and waits until the one accepts tokens of the other. */
export async function openLaboratory(url: string, options: LaboratoryOptions): Promise<OpenLaboratory> {
  const { serverCommand, downstreamTool, patienceSeconds = 35, startSeconds = 60 } = options
  const issuer = await startIssuer(options)
  const server = serverCommand === undefined ? undefined : createServerProcess(serverCommand, environmentOf(issuer))
  const close = async () => {
    await server?.stop()
    await issuer.close()
  }
  try {
    options.ready?.(issuer)
    server?.start()
    const tokens = await waitForTrust(url, issuer, server, startSeconds, options)
    const restart = async () => {
      await server?.stop()
      server?.start()
      return (await waitForAnswer(url, server, startSeconds)) === undefined
    }
    const laboratory = { issuer, patienceSeconds, downstreamTool, ...(server && { restart }) }
    return { laboratory, tokens, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** For a server that the kit starts; the ports may be others each time. */
function environmentOf({ url, metadataUrl, jwksUri, introspectionEndpoint, client, downstreamUrl }: Issuer) {
  return {
    CONFORMANCE_ISSUER: url,
    CONFORMANCE_METADATA_URL: metadataUrl,
    CONFORMANCE_JWKS_URI: jwksUri,
    CONFORMANCE_INTROSPECTION_ENDPOINT: introspectionEndpoint,
    CONFORMANCE_CLIENT_ID: client.id,
    CONFORMANCE_CLIENT_SECRET: client.secret,
    CONFORMANCE_DOWNSTREAM_URL: downstreamUrl,
  }
}

/** @returns What went wrong; `undefined` once the server has answered something. */
async function waitForAnswer(
  url: string,
  server: ServerProcess | undefined,
  most: number,
): Promise<string | undefined> {
  const until = performance.now() + most * 1000
  for (;;) {
    const { status, failure } = await createTarget(url).call(hello('2025-11-25'))
    if (status > 0) return undefined
    if (server?.hasEnded()) return `the server command has ended. It printed:\n${server.tail()}`
    if (performance.now() > until) return `${failure}${server ? `. The server printed:\n${server.tail()}` : ''}`
    await delay(100)
  }
}

/** A server that never accepts a token is for the checks to tell. */
async function waitForTrust(
  url: string,
  issuer: Issuer,
  server: ServerProcess | undefined,
  most: number,
  options: LaboratoryOptions,
): Promise<Target['tokens']> {
  const until = performance.now() + most * 1000
  const problem = await waitForAnswer(url, server, most)
  if (problem !== undefined) throw new UnreachableServerError(`${url} cannot be reached: ${problem}`)
  for (;;) {
    const tokens = await prepareTokens(url, issuer, options)
    const target = createTarget(url, { tokens, openMethods: options.openMethods })
    const isTrusted = isServed(await good(target)) || (await dpopOffer(target)).isRequired
    if (isTrusted || performance.now() > until) return tokens
    await delay(500)
  }
}

/** Finds out what tokens for a server have to say, and makes those that a person would otherwise hand in. */
async function prepareTokens(
  url: string,
  issuer: Issuer,
  { audience, scopes, openMethods }: LaboratoryOptions,
): Promise<Target['tokens']> {
  const target = createTarget(url, { openMethods })
  const least = (parameterOf(await challenge(target), 'scope') ?? '').split(' ').filter(Boolean)
  const { resource, scopes_supported: supported } = (await metadata(target))?.document ?? {}
  issuer.audience = audience ?? (typeof resource === 'string' ? resource : url)
  issuer.scopes = scopes ?? [...new Set([...least, ...listOf(supported)])]
  return {
    token: await issuer.token(),
    'low-scope-token': await issuer.token({ claims: { scope: least.join(' ') || undefined } }),
    'other-audience-token': await issuer.token({ claims: { aud: 'https://other.example/mcp' } }),
  }
}
