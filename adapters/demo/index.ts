import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { providerOptions, providerUrl, secretName } from '../../src/adapter-options.ts'
import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { resourceSpellings } from '../../src/resource.ts'
import { refuseBefore } from './refusals.ts'

const options = () =>
  providerOptions.extend({
    adapter: z.literal('demo'),
    accessTokenFormat: z
      .enum(['opaque', 'jwt'])
      .default('opaque')
      .describe(
        'What the server issues: opaque tokens are introspected (RFC 7662), jwt ones verified by its keys (RFC 9068).',
      ),
    issuer: providerUrl
      .optional()
      .describe(
        'What the server calls itself, where this server asks it at another URL: AUTH_SERVER_INTERNAL_URL. Default: the one that follows from metadataUrl.',
      ),
    clientId: z.string().min(1).describe('Client id under which this server introspects.'),
    clientSecretEnv: secretName.describe('Name of the variable with the secret to that client id.'),
    revokedBefore: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('Time such as 2026-11-21T08:00:00Z: tokens issued before it are refused. Default: none are.'),
  })

/** The demo authorization server. It puts the `resource` of the request (RFC 8707) into `aud`. */
export const demo = defineAdapter({
  name: 'demo',
  title: 'The demo authorization server',
  options,
  opaqueTokens: ({ accessTokenFormat }) => (accessTokenFormat === 'opaque' ? 'any' : 'none'),
  create({ metadataUrl, issuer: named, accessTokenFormat, clientId, clientSecretEnv, revokedBefore }, context) {
    const server = serverOf(metadataUrl, named)
    const audience = { audience: resourceSpellings(context) }
    const check = revokedBefore === undefined ? undefined : refuseBefore(revokedBefore)
    if (accessTokenFormat === 'jwt') {
      const { issuer, jwksUri } = server
      return createJwtValidator(
        { issuer, metadataUrl: server.metadataUrl, jwksUri, audience, types: ['at+jwt'], check },
        context,
      )
    }
    const credentials = {
      method: 'client_secret_basic',
      clientId,
      clientSecret: context.secret(clientSecretEnv),
    } as const
    return createIntrospectionValidator({ ...server, audience, credentials, check }, context)
  },
})

/** The server names all of its endpoints by its issuer. Where that cannot be reached from here, they are asked at the other origin. */
function serverOf(metadataUrl: string, named: string | undefined) {
  const asked = issuerAndMetadata(metadataUrl).issuer
  if (named === undefined || named === asked) return { issuer: asked }
  return {
    issuer: named,
    metadataUrl,
    introspectionEndpoint: `${asked}/oauth/introspect`,
    jwksUri: `${asked}/oauth/jwks`,
  }
}
