import type { CompleteContext } from '../context.ts'
import { AuthorizationError, MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'
import { clip } from '../text.ts'
import type { ServerMetadata } from '../token-validator.ts'
import { askProvider, refusedRequest } from './provider-request.ts'
import { createRemoteValue, type RemoteValue } from './remote-value.ts'

/** An issuer of which all is known but the spelling. */
export interface IssuerChoice {
  /** The one that the metadata names, byte for byte, is the issuer; the first one until, or unless, the metadata is read. */
  readonly oneOf: readonly [string, ...string[]]
}

export interface DiscoveryOptions {
  /** What the document must say about itself, byte for byte. */
  issuer: string | IssuerChoice
  /** Where the document is, or may be, in this order. Default: the well-known places that follow from the issuer. */
  metadataUrl?: string | readonly string[]
  /** Member that must hold a URL. A document without it is passed over: Okta's RFC 8414 document has no `jwks_uri`. */
  member: 'jwks_uri' | 'introspection_endpoint' | 'userinfo_endpoint'
}

const MAX_BYTES = 1_048_576
const FRESH_SECONDS = 3600

/**
 * The metadata of an issuer, fetched when first needed, kept, and renewed in the background once an hour.
 *
 * Loading throws `ValidatorUnavailableError`, and `MisconfigurationError` when every document found is another issuer's
 * or lacks the member.
 */
export function createDiscovery(options: DiscoveryOptions, context: CompleteContext): RemoteValue<ServerMetadata> {
  const [issuer] = spellings(options.issuer)
  const candidates = options.metadataUrl ? [options.metadataUrl].flat() : wellKnownUrls(issuer)
  let found: string | undefined
  return createRemoteValue(async () => {
    const failures: AuthorizationError[] = []
    // Where the document was, it most likely still is.
    const urls = found === undefined ? candidates : [found, ...candidates.filter(url => url !== found)]
    for (const url of urls) {
      try {
        const value = await fetchMetadata(url, options, context)
        found = url
        return { value, freshSeconds: FRESH_SECONDS }
      } catch (error) {
        if (!(error instanceof AuthorizationError) || isOutage(error)) throw error
        failures.push(error)
      }
    }
    // A document that was found says more than a place that failed, and that more than one where there is nothing.
    throw (
      failures.find(({ reason }) => reason.kind.startsWith('metadata_')) ??
      failures.find(error => error instanceof ValidatorUnavailableError) ??
      failures.at(-1)
    )
  }, context.now)
}

/** The issuer in force, asked for each time: the metadata may still have to decide about its spelling. */
export function issuerInForce(issuer: string | IssuerChoice, discovery: RemoteValue<ServerMetadata>): () => string {
  const [first] = spellings(issuer)
  return typeof issuer === 'string' ? () => issuer : () => discovery.state?.value.issuer ?? first
}

function spellings(issuer: string | IssuerChoice): IssuerChoice['oneOf'] {
  return typeof issuer === 'string' ? [issuer] : issuer.oneOf
}

/**
 * Where an issuer's metadata may be, in the order that MCP clients try: RFC 8414 §3.1 (path inserted), OpenID Connect
 * with the path inserted, OpenID Connect Discovery §4 (path first).
 */
export function wellKnownUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
      `${origin}${path}/.well-known/openid-configuration`,
    ]),
  ]
}

function fetchMetadata(
  url: string,
  { issuer, member }: DiscoveryOptions,
  context: CompleteContext,
): Promise<ServerMetadata> {
  const init = { headers: { accept: 'application/json' } }
  return askProvider(context, { operation: 'discovery', url, init, maxBytes: MAX_BYTES }, answer => {
    const { endpoint, status } = answer
    if (status !== 200) throw refusedRequest(answer)
    const metadata = answer.json()
    const expected = spellings(issuer)
    if (typeof metadata.issuer !== 'string' || !expected.includes(metadata.issuer)) {
      throw issuerMismatch(endpoint, expected[0], clip(metadata.issuer))
    }
    const value = metadata[member]
    if (typeof value !== 'string' || !URL.canParse(value)) {
      throw new MisconfigurationError({ kind: 'metadata_incomplete', endpoint, member })
    }
    return metadata as ServerMetadata
  })
}

function issuerMismatch(endpoint: string, expected: string, actual: string): MisconfigurationError {
  const onlyTheSlash = expected.replace(/\/$/, '') === actual.replace(/\/$/, '')
  const cure = onlyTheSlash
    ? `write the issuer as ${actual}: it is compared byte for byte, the slash at its end included`
    : `if ${actual} is your provider, configure that; else set the provider's own public URL to ${expected}`
  return new MisconfigurationError({ kind: 'metadata_mismatch', endpoint, expected, actual, cure })
}

/** Whether asking at the next place would only trouble the same failing host. Some servers answer 500 where they have no document. */
function isOutage({ reason }: AuthorizationError): boolean {
  if (reason.kind === 'provider_failing') return reason.status !== 500
  return ['provider_unreachable', 'provider_timeout', 'provider_throttled'].includes(reason.kind)
}
