import type { Answer, Auth, RequestHead } from '../src/auth.ts'
import { answer } from '../src/bearer/refusal.ts'
import { protectedResourceMetadata } from '../src/metadata/protected-resource.ts'
import type { TokenValidator } from '../src/token-validator.ts'
import { pathOf } from '../src/url.ts'
import { document, preflight } from './answers.ts'
import type { PublicName, PublicNames } from './public-names.ts'
import type { Refuser } from './refuser.ts'

const ROOT_METADATA = '/.well-known/oauth-protected-resource'
const SERVER_METADATA = '/.well-known/oauth-authorization-server'

type ResourceFacts = Omit<Parameters<typeof protectedResourceMetadata>[0], 'resource' | 'authorizationServers'>

export interface DocumentsOptions {
  readonly names: PublicNames
  readonly validator: TokenValidator
  /** What the metadata of the resource says by whatever name. Asked for each time: the provider may say how scopes are spelled. */
  readonly facts: () => ResourceFacts
  readonly refuser: Refuser
}

/** What a server publishes about itself (RFC 9728) and about its first authorization server (RFC 8414), each at two places. */
export function createDocuments({
  names,
  validator,
  facts,
  refuser,
}: DocumentsOptions): Pick<Auth, 'metadata' | 'metadataPaths' | 'serve'> {
  async function metadataOf(name: PublicName) {
    // Clients compare the issuer as a string, and how it is spelled may be known from the provider only.
    await validator.serverMetadata?.().catch(() => {})
    return protectedResourceMetadata({
      resource: name.resource,
      authorizationServers: validator.issuers,
      ...facts(),
    })
  }

  async function serverMetadata(head: RequestHead): Promise<Answer> {
    try {
      const metadata = await validator.serverMetadata?.()
      if (metadata) return document(metadata)
    } catch (error) {
      return refuser.refuse(head, error)
    }
    return answer(404, 'not_found', 'The authorization server publishes no metadata.', refuser.nextRequestId(), {})
  }

  const metadataPaths = new Map(names.all.map(name => [name.metadataPath, name]))
  // Some clients look at the root only.
  if (!metadataPaths.has(ROOT_METADATA)) metadataPaths.set(ROOT_METADATA, names.all[0])
  const serverMetadataPaths = new Set([
    SERVER_METADATA,
    ...names.all.map(({ url }) => SERVER_METADATA + (url.pathname === '/' ? '' : url.pathname)),
  ])

  return {
    metadataPaths: [...metadataPaths.keys()],
    metadata: () => metadataOf(names.all[0]),
    serve(head) {
      const path = pathOf(head.url)
      const name = metadataPaths.get(path)
      if (!name && !serverMetadataPaths.has(path)) return undefined
      if (head.method === 'OPTIONS') return Promise.resolve(preflight(head, 'GET, HEAD, OPTIONS'))
      if (head.method !== 'GET' && head.method !== 'HEAD') {
        const headers = { Allow: 'GET, HEAD, OPTIONS' }
        return Promise.resolve(
          answer(405, 'method_not_allowed', 'This is a document: GET it.', refuser.nextRequestId(), headers),
        )
      }
      if (!name) return serverMetadata(head)
      const asked = names.of(head)
      return metadataOf(path === asked.metadataPath || path === ROOT_METADATA ? asked : name).then(document)
    },
  }
}
