import { protectedResourceMetadataUrl } from 'idplug/internal'
import { parameterOf } from './challenge.ts'
import { challenge } from './facts.ts'
import type { Issuer } from './issuer/issuer.ts'
import { createTarget, type Target } from './target.ts'

export interface TokenNeeds {
  /** What the server expects in `aud`. Default: the `resource` of its metadata, else its URL. */
  readonly audience?: string
  /** Scopes of a token that may do everything. Default: those that the server names. */
  readonly scopes?: readonly string[]
}

/** Finds out what tokens for a server have to say, and makes those that a person would otherwise hand in. */
export async function prepareTokens(url: string, issuer: Issuer, needs: TokenNeeds = {}): Promise<Target['tokens']> {
  const target = createTarget(url)
  const found = await challenge(target)
  const least = wordsOf(parameterOf(found, 'scope'))
  const metadataUrl = parameterOf(found, 'resource_metadata') ?? protectedResourceMetadataUrl(url)
  const { json: metadata = {} } = await target.send({ method: 'GET', url: metadataUrl })
  const supported = Array.isArray(metadata.scopes_supported) ? metadata.scopes_supported.map(String) : []
  issuer.audience = needs.audience ?? (typeof metadata.resource === 'string' ? metadata.resource : url)
  issuer.scopes = needs.scopes ?? [...new Set([...least, ...supported])]
  return {
    token: await issuer.token(),
    'low-scope-token': await issuer.token({ claims: { scope: least.join(' ') || undefined } }),
    'other-audience-token': await issuer.token({ claims: { aud: 'https://other.example/mcp' } }),
  }
}

const wordsOf = (text = '') => text.split(' ').filter(Boolean)
