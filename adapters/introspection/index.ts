import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { flag, providerOptions, providerUrl, secretName } from '../../src/adapter-options.ts'
import { claimMistakes, claimOptions, claimRules } from '../../src/claims/options.ts'
import { type ClientCredentials, createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { issuerRules, issuerSettings } from '../../src/engines/issuer-options.ts'
import { readPrivateKey } from '../../src/engines/private-key.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { OPENID_PRINCIPALS, openIdPerson, personWith } from '../../src/people/people.ts'
import { explain } from './refusals.ts'

const known = () =>
  providerOptions.extend({
    ...claimOptions.shape,
    ...peopleOptions(OPENID_PRINCIPALS, 'nothing').shape,
    ...issuerSettings.shape,
    adapter: z.literal('introspection'),
    introspectionEndpoint: providerUrl
      .optional()
      .describe('Where tokens are asked about. Default: introspection_endpoint of the metadata.'),
    clientId: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Client id under which this server introspects; a client of its own. Required unless authMethod is bearer.',
      ),
    authMethod: z
      .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'bearer'])
      .default('client_secret_basic')
      .describe('How this server authenticates at the endpoint; bearer sends an access token (RFC 7662 §2.1).'),
    requireTokenType: flag
      .optional()
      .describe(
        "Whether an answer must say that it is about an access token (token_type, or a mark of the server's own). Default: as soon as one answer has, or at once where audience is null. true refuses refresh tokens at once, where the endpoint answers for those, too; false is for servers that do not always say it.",
      ),
    clientSecretEnv: secretName.describe(
      'Name of the variable with the client secret; with private_key_jwt with the private key, as PEM or JWK; with bearer with the access token.',
    ),
  })

const options = () =>
  known().refine(({ authMethod, clientId }) => authMethod === 'bearer' || clientId !== undefined, {
    path: ['clientId'],
    error: 'is not set',
    when: () => true, // together with what else is missing
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
    const { authMethod, clientSecretEnv } = settings
    const problem =
      authMethod === 'private_key_jwt'
        ? keyProblem(secret(clientSecretEnv))
        : authMethod === 'bearer' && tokenProblem(secret(clientSecretEnv))
    return { ...claimMistakes(settings), ...(problem ? { clientSecretEnv: problem } : {}) }
  },
  create(settings, context) {
    return createIntrospectionValidator(
      {
        ...claimRules(settings, context),
        ...issuerRules(settings),
        introspectionEndpoint: settings.introspectionEndpoint,
        // Without an audience, an answer about a refresh token may lack nothing else.
        requireTokenType: settings.requireTokenType ?? (settings.audience === null ? true : undefined),
        credentials: credentialsOf(settings, context.secret(settings.clientSecretEnv)),
        explain: reason => explain(reason, settings, context.variableOf),
      },
      context,
    )
  },
})

function credentialsOf(
  { authMethod, clientId = '' }: z.output<ReturnType<typeof known>>,
  secret: string,
): ClientCredentials {
  if (authMethod === 'bearer') return { method: authMethod, accessToken: secret }
  if (authMethod === 'private_key_jwt') return { method: authMethod, clientId, ...readPrivateKey(secret) }
  return { method: authMethod, clientId, clientSecret: secret }
}

/** RFC 6750 §2.1. */
function tokenProblem(text: string): string | undefined {
  return /^[\w.~+/-]+=*$/.test(text) ? undefined : 'must hold an access token alone, without "Bearer" before it'
}

function keyProblem(text: string): string | undefined {
  try {
    readPrivateKey(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
