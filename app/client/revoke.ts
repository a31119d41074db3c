import { discoverAuthorizationServerMetadata } from '@modelcontextprotocol/client'
import { allowInsecureRequests, Configuration, customFetch, tokenRevocation } from 'openid-client'
import { createGuardedFetch } from './guarded-fetch.ts'
import type { SignIn } from './sign-ins.ts'

/**
 * Has the tokens of a sign-in revoked (RFC 7009): the refresh token first, with which most servers end the access token as well.
 *
 * @returns `false` when the authorization server offers no revocation.
 * @throws What the authorization server answered, or why it cannot be reached.
 */
export async function revoke(server: URL, signIn: SignIn, fetch: typeof globalThis.fetch): Promise<boolean> {
  const { client, issuer, tokens } = signIn
  const fetchFn = createGuardedFetch(server, fetch)
  const metadata = await discoverAuthorizationServerMetadata(issuer, { fetchFn })
  if (!metadata || !('revocation_endpoint' in metadata) || !client || !tokens) return false
  const configuration = new Configuration(metadata as never, client.clientId, client.clientSecret)
  configuration[customFetch] = (url, init) => fetchFn(url, init as RequestInit)
  // What may be called is for our own fetch to say.
  allowInsecureRequests(configuration)
  if (tokens.refreshToken) {
    await tokenRevocation(configuration, tokens.refreshToken, { token_type_hint: 'refresh_token' })
  }
  await tokenRevocation(configuration, tokens.accessToken, { token_type_hint: 'access_token' })
  return true
}
