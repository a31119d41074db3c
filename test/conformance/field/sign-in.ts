import { auth } from '@modelcontextprotocol/client'
import { OAuthMemory } from '../../e2e/oauth-memory.ts'

/**
 * Signs in at a project that issues tokens itself and approves at once, with an official client that registers anew.
 *
 * @param resource - What the token is for. Default: the server.
 * @returns The access token.
 */
export async function signIn(serverUrl: string, scopes: readonly string[], resource?: string): Promise<string> {
  const memory = new OAuthMemory(false)
  const provider = resource ? Object.assign(memory, { validateResourceURL: async () => new URL(resource) }) : memory
  const scope = scopes.join(' ')
  await auth(provider, { serverUrl, scope })
  const response = await fetch(memory.authorizationUrl ?? '', { redirect: 'manual' })
  await response.body?.cancel()
  const { searchParams } = new URL(response.headers.get('location') ?? '')
  const iss = searchParams.get('iss') ?? undefined
  await auth(provider, { serverUrl, scope, authorizationCode: searchParams.get('code') ?? '', iss })
  if (memory.scopes.toSorted().join(' ') !== scope) throw new Error(`signed in for ${memory.scopes}, not for ${scope}`)
  return memory.accessToken ?? ''
}
