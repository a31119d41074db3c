import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { flag, httpsUrl, providerOptions, secretName } from '../../src/adapter-options.ts'
import { claimMistakes, claimOptions, claimRules } from '../../src/claims/options.ts'
import { type ClientCredentials, createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { issuerOptions } from '../../src/engines/issuer.ts'
import { readPrivateKey } from '../../src/engines/private-key.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { OPENID_PRINCIPALS, openIdPerson, personWith } from '../../src/people/people.ts'
import { explain } from './refusals.ts'

const options = providerOptions.extend({
  ...claimOptions.shape,
  ...peopleOptions(OPENID_PRINCIPALS, 'nothing').shape,
  adapter: z.literal('introspection'),
  introspectionEndpoint: httpsUrl
    .optional()
    .describe('Where tokens are asked about. Default: introspection_endpoint of the metadata.'),
  clientId: z.string().min(1).describe('Client id under which this server introspects; a client of its own.'),
  authMethod: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])
    .default('client_secret_basic')
    .describe('How this server authenticates at the endpoint.'),
  requireTokenType: flag
    .optional()
    .describe(
      "Whether an answer must say that it is about an access token (token_type, or a mark of the server's own). Default: as soon as one answer has. true refuses refresh tokens from the first request on, where the endpoint answers for those, too; false is for servers that say it for some access tokens only.",
    ),
  clientSecretEnv: secretName.describe(
    'Name of the variable with the client secret; with private_key_jwt with the private key, as PEM or JWK.',
  ),
})

/** Any authorization server with an introspection endpoint (RFC 7662). */
export const introspection = defineAdapter({
  name: 'introspection',
  title: 'The introspection endpoint',
  options,
  opaqueTokens: () => 'any',
  people: {
    principals: OPENID_PRINCIPALS,
    personOf(claims, names) {
      const facts = openIdPerson('introspection', claims, names)
      return facts && personWith(facts)
    },
    // The server need not speak OpenID Connect.
    wireScopes: ({ wireScopes }) => wireScopes ?? [],
  },
  mistakes(settings, secret) {
    const problem = settings.authMethod === 'private_key_jwt' && keyProblem(secret(settings.clientSecretEnv))
    return { ...claimMistakes(settings), ...(problem ? { clientSecretEnv: problem } : {}) }
  },
  create(settings, context) {
    const { metadataUrl, introspectionEndpoint, clientId, authMethod, requireTokenType } = settings
    const secret = context.secret(settings.clientSecretEnv)
    const credentials: ClientCredentials =
      authMethod === 'private_key_jwt'
        ? { method: authMethod, clientId, ...readPrivateKey(secret) }
        : { method: authMethod, clientId, clientSecret: secret }
    return createIntrospectionValidator(
      {
        ...claimRules(settings, context),
        ...issuerOptions(metadataUrl),
        introspectionEndpoint,
        requireTokenType,
        credentials,
        explain: reason => explain(reason, settings),
      },
      context,
    )
  },
})

function keyProblem(text: string): string | undefined {
  try {
    readPrivateKey(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
