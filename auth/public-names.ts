import type { RequestHead } from '../src/auth.ts'
import { protectedResourceMetadataUrl } from '../src/metadata/protected-resource.ts'
import { hostsOf } from '../src/url.ts'

/** Everything that follows from one URL under which clients reach the server. */
export interface PublicName {
  /** Identifier by this name (RFC 8707). */
  readonly resource: string
  /** Values of `Host` that mean it. */
  readonly hosts: readonly string[]
  readonly metadataUrl: string
  readonly metadataPath: string
  /** {@link resource} as the MCP SDKs take it. */
  readonly url: URL
}

export interface PublicNames {
  /** The canonical name first. */
  readonly all: readonly [PublicName, ...PublicName[]]
  /** The name that a request was addressed to; the canonical one where its `Host` is none of them. */
  of(head: RequestHead): PublicName
}

/**
 * @param resource - Canonical identifier.
 * @param furtherResources - Identifiers by other names.
 */
export function publicNames(resource: string, furtherResources: readonly string[]): PublicNames {
  const first = nameOf(resource)
  const others = furtherResources.map(nameOf)
  const byHost = new Map([...others.toReversed(), first].flatMap(name => name.hosts.map(host => [host, name] as const)))
  return {
    all: [first, ...others],
    of: others.length === 0 ? () => first : head => byHost.get(head.header('host')[0]?.toLowerCase() ?? '') ?? first,
  }
}

function nameOf(resource: string): PublicName {
  const url = new URL(resource)
  const metadataUrl = protectedResourceMetadataUrl(resource)
  return { resource, hosts: hostsOf(url), metadataUrl, metadataPath: new URL(metadataUrl).pathname, url }
}
