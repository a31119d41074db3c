import { isLoopback, protectedResourceMetadataUrl } from 'idplug/internal'
import { parameterOf } from '../../challenge.ts'
import { type Check, failed, passed, skipped } from '../../check.ts'
import { mcp, noOfflineAccess, notInQuery, rfc } from '../../documents.ts'
import { dpopOffer } from '../../dpop-offer.ts'
import {
  atChallenge,
  atPath,
  atRoot,
  bare,
  challenge,
  isDocument,
  isSameUrl,
  listOf,
  type Metadata,
} from '../../facts.ts'
import type { Target } from '../../target.ts'
import { ofMetadata } from './location.ts'
import { judgeSigned } from './signed.ts'

const IDENTIFIER =
  "The protected resource's resource identifier, which is a URL that uses the https scheme and has no fragment component."

/** What stands in protected resource metadata. */
export const documentChecks: readonly Check[] = [
  {
    id: 'P03',
    title: 'Metadata is a JSON object with status 200 and type application/json',
    level: 'MUST',
    source: rfc(
      'RFC 9728',
      '3.2',
      'A successful response MUST use the 200 OK HTTP status code and return a JSON object using the application/json content type that contains a set of metadata parameters as its members that are a subset of the metadata parameters defined in Section 2.',
    ),
    tier: 0,
    async run(target) {
      const answers = [await atChallenge(target), await atPath(target), await atRoot(target)]
      const found = answers.find(answer => answer?.status === 200)
      if (!found) return skipped('there is no metadata (C04)')
      if (!isDocument(found)) return failed('the body is not a JSON object', found)
      const type = found.headers.get('content-type')
      const isJson = /^application\/json\s*(;|$)/i.test(type ?? '')
      return isJson ? passed() : failed(`Content-Type is ${type ?? 'absent'}`, found)
    },
  },
  {
    id: 'P04',
    title: 'Metadata has resource',
    level: 'MUST',
    source: rfc('RFC 9728', '2', "REQUIRED. The protected resource's resource identifier"),
    tier: 0,
    run: ofMetadata(({ found, document: { resource } }) =>
      typeof resource === 'string' && resource !== '' ? passed() : failed('resource is no text', found),
    ),
  },
  {
    id: 'P05',
    title: 'resource is the identifier that the well-known URL was made from',
    level: 'MUST',
    source: rfc(
      'RFC 9728',
      '3.3',
      "The resource value returned MUST be identical to the protected resource's resource identifier value into which the well-known URI path suffix was inserted to create the URL used to retrieve the metadata.",
    ),
    tier: 0,
    async run(target) {
      const path = await atPath(target)
      if (!isDocument(path)) return skipped('there is none at the well-known URL (P01)')
      const resource = path.json?.resource
      if (typeof resource !== 'string') return skipped('there is no resource (P04)')
      if (URL.canParse(resource) && protectedResourceMetadataUrl(resource) === path.request.url) return passed()
      return failed(`resource is ${resource}, and the document is at ${path.request.url}`, path)
    },
  },
  {
    id: 'P06',
    title: 'resource is the URL that the client called, where the challenge led to it',
    level: 'MUST',
    source: rfc(
      'RFC 9728',
      '3.3',
      'If the protected resource metadata was retrieved from a URL returned by the protected resource via the WWW-Authenticate resource_metadata parameter, then the resource value returned MUST be identical to the URL that the client used to make the request to the resource server.',
    ),
    tier: 0,
    run: ofMetadata(({ found, document: { resource }, via }, target) => {
      if (via !== 'challenge') return skipped('the challenge did not lead to it')
      if (typeof resource !== 'string') return skipped('there is no resource (P04)')
      if (isSameUrl(resource, target.url)) return passed()
      return failed(`resource is ${resource}, and ${target.url} was called; test under the URL that clients use`, found)
    }),
  },
  {
    id: 'P07',
    title: 'resource is an https: URL (http: on this machine) without a fragment',
    level: 'MUST',
    source: rfc('RFC 9728', '1.2', IDENTIFIER),
    tier: 0,
    run: ofResource((url, resource, { found }) => {
      if (resource.includes('#')) return failed('resource has a fragment', found)
      const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
      return isSafe ? passed() : failed(`resource has the scheme ${url.protocol}`, found)
    }),
  },
  {
    id: 'P08',
    title: 'resource has no query',
    level: 'SHOULD',
    source: rfc('RFC 9728', '1.2', 'it also SHOULD NOT include a query component'),
    tier: 0,
    run: ofResource((_, resource, { found }) =>
      resource.includes('?') ? failed('resource has a query', found) : passed(),
    ),
  },
  {
    id: 'P09',
    title: 'resource does not end in a slash that has no meaning',
    level: 'SHOULD',
    source: mcp(
      'Canonical Server URI',
      'implementations SHOULD consistently use the form without the trailing slash for better interoperability unless the trailing slash is semantically significant for the specific resource.',
    ),
    tier: 0,
    run: ofResource(async (url, resource, { found }, target) => {
      if (!resource.endsWith('/')) return passed()
      if (url.pathname !== '/' && url.origin === new URL(target.url).origin) {
        const without = await target.send({ ...(await bare(target)).request, url: resource.slice(0, -1) })
        if (without.status !== 401) return passed('the slash has a meaning: without it there is another answer')
      }
      return failed(`resource is ${resource}`, found)
    }),
  },
  {
    id: 'P10',
    title: 'Metadata names at least one authorization server',
    level: 'MUST',
    source: mcp(
      'Authorization Server Location',
      'The Protected Resource Metadata document returned by the MCP server MUST include the `authorization_servers` field containing at least one authorization server.',
      'discovery',
    ),
    tier: 0,
    run: ofMetadata(({ found, document }) =>
      listOf(document.authorization_servers).length > 0
        ? passed()
        : failed('authorization_servers is empty or absent', found),
    ),
  },
  {
    id: 'P11',
    title: 'Authorization servers are https: URLs without query and fragment',
    level: 'MUST',
    source: rfc('RFC 8414', '2', 'a URL that uses the "https" scheme and has no query or fragment components'),
    tier: 0,
    run: ofMetadata(({ found, document }, target) => {
      const servers = document.authorization_servers
      if (!Array.isArray(servers) || servers.length === 0) return skipped('there is none (P10)')
      const isLocal = isLoopback(new URL(target.url).hostname)
      const bad = servers.find(value => {
        if (typeof value !== 'string' || !URL.canParse(value) || /[?#]/.test(value)) return true
        const { protocol, hostname } = new URL(value)
        return protocol !== 'https:' && !(isLocal && protocol === 'http:' && isLoopback(hostname))
      })
      return bad === undefined ? passed() : failed(`authorization_servers has ${JSON.stringify(bad)}`, found)
    }),
  },
  {
    id: 'P17',
    title: 'Metadata lists scopes, and offline_access is not among them',
    level: 'SHOULD',
    source: noOfflineAccess,
    tier: 0,
    run: ofMetadata(async ({ found, document: { scopes_supported: scopes } }, target) => {
      if (listOf(scopes).includes('offline_access')) return failed('scopes_supported has offline_access', found)
      if (scopes !== undefined) return passed()
      if (parameterOf(await challenge(target), 'scope') === undefined)
        return skipped('the server names no scopes at all')
      return failed('the challenge asks for scopes, and scopes_supported is absent', found)
    }),
  },
  {
    id: 'P18',
    title: 'Tokens are taken in the header only',
    level: 'MUST',
    source: notInQuery,
    tier: 0,
    run: ofMetadata(({ found, document: { bearer_methods_supported: methods } }) => {
      if (methods === undefined) return passed('bearer_methods_supported is absent')
      const others = Array.isArray(methods) ? methods.filter(method => method !== 'header') : [methods]
      return others.length === 0 ? passed() : failed(`bearer_methods_supported has ${JSON.stringify(others)}`, found)
    }),
  },
  {
    id: 'P19',
    title: 'Lists without members are left out',
    level: 'MUST',
    source: rfc('RFC 9728', '3.2', 'Parameters with zero values MUST be omitted from the response.'),
    tier: 0,
    run: ofMetadata(({ found, document }) => {
      const empty = Object.entries(document)
        // RFC 9728 §2 gives this one a meaning when it is empty.
        .filter(([name, value]) => Array.isArray(value) && value.length === 0 && name !== 'bearer_methods_supported')
        .map(([name]) => name)
      return empty.length === 0 ? passed() : failed(`empty: ${empty.join(', ')}`, found)
    }),
  },
  {
    id: 'P20',
    title: 'Signing algorithms are not none, and what is said about DPoP agrees with the challenge',
    level: 'MUST',
    source: rfc('RFC 9728', '2', 'The value none MUST NOT be used.'),
    tier: 0,
    run: ofMetadata(judgeAlgorithms),
  },
  {
    id: 'P27',
    title: 'signed_metadata is signed by its issuer and agrees with the rest',
    level: 'MUST',
    source: rfc(
      'RFC 9728',
      '2.2',
      'The signed metadata MUST be digitally signed or MACed (protected with a Message Authentication Code) using a JSON Web Signature (JWS) and MUST contain an iss (issuer) claim denoting the party attesting to the claims in the signed metadata.',
    ),
    tier: 0,
    run: ofMetadata(judgeSigned),
  },
]

type JudgeResource = (
  url: URL,
  resource: string,
  known: Metadata,
  target: Target,
) => ReturnType<typeof passed> | Promise<ReturnType<typeof passed>>

/** For checks of how `resource` is spelled. */
function ofResource(judge: JudgeResource) {
  return ofMetadata((known, target) => {
    const { resource } = known.document
    if (typeof resource !== 'string') return skipped('there is no resource (P04)')
    if (!URL.canParse(resource)) return failed(`resource is ${resource}, which is no absolute URL`, known.found)
    return judge(new URL(resource), resource, known, target)
  })
}

async function judgeAlgorithms({ found, document }: Metadata, target: Target) {
  const { dpop_signing_alg_values_supported: forProofs, dpop_bound_access_tokens_required: required } = document
  const named = [...listOf(forProofs), ...listOf(document.resource_signing_alg_values_supported)]
  if (named.length === 0 && required !== true) return skipped('nothing is said about signatures and DPoP')
  if (named.includes('none')) return failed('none is among the algorithms', found)
  const symmetric = listOf(forProofs).find(alg => /^HS/.test(alg))
  if (symmetric) return failed(`${symmetric} is among the algorithms for proofs, which have no shared key`, found)
  const { challenged, takesBearer } = await dpopOffer(target)
  if (required === true && takesBearer && !challenged) {
    return failed('DPoP is required, and the challenge asks for bearer tokens', found, await bare(target))
  }
  return passed()
}
