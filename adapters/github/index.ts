import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { httpsUrl, providerOptions, secretName, textList } from '../../src/adapter-options.ts'
import { createCheckEndpointValidator } from '../../src/engines/check-endpoint.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { scopeGrants } from '../../src/people/grants.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { apiOf, clientIdOf, readCheck, userIdOf } from './check-endpoint.ts'
import { people } from './people.ts'
import { refuseOtherKinds, SECRET_PREFIXES, TOKEN_SHAPES } from './refusals.ts'
import { tokenPeople } from './token-people.ts'

const { principals } = tokenPeople

const options = () =>
  providerOptions.omit({ scopePrefix: true, scopeNames: true }).extend({
    adapter: z.literal('github'),
    clientId: z
      .string()
      .regex(/^\w[\w.-]*$/, { error: 'must be a client id: letters, digits, points and dashes' })
      .describe(
        'Client id of the app whose tokens are accepted. Settings > Developer settings > GitHub Apps or OAuth Apps.',
      ),
    clientSecretEnv: secretName.describe(
      'Name of the variable with a client secret of that app; on the page of the app, "Generate a new client secret".',
    ),
    allow: peopleOptions(principals).shape.allow,
    grants: scopeGrants(principals.pattern, principals.hint).describe(
      'Who has which scopes of this server. Tokens of GitHub cannot carry them.',
    ),
    wireScopes: textList
      .default([])
      .describe(
        'GitHub scopes that clients request, e.g. read:user. GitHub Apps have permissions instead. Default: what allow and grants need.',
      ),
    apiUrl: httpsUrl
      .optional()
      .describe(
        'Base of the REST API. Default: api.github.com, api.NAME.ghe.com, or /api/v3 on the host of the issuer.',
      ),
  })

/** GitHub, GitHub Enterprise Cloud and Server. Tokens are opaque, without audience, and checked under our own app's name. */
export const github = defineAdapter({
  name: 'github',
  title: 'GitHub',
  options,
  recognizes: ({ hostname, pathname }) =>
    hostname.endsWith('.ghe.com') ||
    (hostname === 'github.com' && /^(\/\.well-known\/[\w-]+)?\/login\/oauth(\/|$)/.test(pathname)),
  opaqueTokens: () => TOKEN_SHAPES,
  secretPrefixes: SECRET_PREFIXES,
  people: tokenPeople,
  mistakes({ metadataUrl, clientId, clientSecretEnv }, secret) {
    if (!issuerAndMetadata(metadataUrl).issuer.endsWith('/login/oauth')) {
      return {
        metadataUrl: 'must belong to the issuer https://github.com/login/oauth, or the same path on your own host',
      }
    }
    const found = people.signIn.credentialMistakes(clientId, secret(clientSecretEnv))
    return {
      ...(found.clientId !== undefined && { clientId: found.clientId }),
      ...(found.clientSecret !== undefined && { clientSecretEnv: found.clientSecret }),
    }
  },
  create({ metadataUrl, clientId, clientSecretEnv, apiUrl }, context) {
    const { issuer } = issuerAndMetadata(metadataUrl)
    const credentials = Buffer.from(`${clientId}:${context.secret(clientSecretEnv)}`).toString('base64')
    const headers = {
      accept: 'application/vnd.github+json',
      authorization: `Basic ${credentials}`,
      'content-type': 'application/json',
      'user-agent': 'idplug', // GitHub answers no request without one
    }
    return createCheckEndpointValidator(
      {
        issuer,
        audience: { clientIds: [clientId] },
        clientId: clientIdOf,
        subject: userIdOf,
        principalType: () => 'user',
        scopes: () => [], // GitHub's own; those of this server are granted by rule
        expiry: 'optional', // tokens of OAuth apps never expire
        probe: `gho_${'0'.repeat(36)}`,
        precheck: refuseOtherKinds,
        request: token => ({
          url: `${(apiUrl ?? apiOf(issuer)).replace(/\/$/, '')}/applications/${clientId}/token`,
          init: { method: 'POST', headers, body: JSON.stringify({ access_token: token }) },
        }),
        read: answer => readCheck(answer, context),
      },
      context,
    )
  },
})
