import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import {
  flag,
  isHostWithin,
  providerOptions,
  secretName,
  textListNonEmpty,
  vanishedKeySeconds,
} from '../../src/adapter-options.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { peopleOfTokens } from '../../src/people/people.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { resourceSpellings } from '../../src/resource.ts'
import { mapping } from './claims.ts'
import { people } from './people.ts'
import { AUTHORIZATION_SERVERS, explain, refuseOtherKinds } from './refusals.ts'

const DOMAINS = ['okta.com', 'oktapreview.com', 'okta-emea.com', 'okta-gov.com', 'okta.mil']

/** The one signature algorithm of Okta. */
export const ACCEPTED_ALGORITHMS = ['RS256'] as const

const options = () =>
  providerOptions.extend({
    adapter: z.literal('okta'),
    audience: textListNonEmpty
      .optional()
      .describe(
        `Audience of the authorization server, one fixed text. Default: the URL of this server. ${AUTHORIZATION_SERVERS} > Settings.`,
      ),
    clientIds: textListNonEmpty
      .optional()
      .describe(
        'When given, only tokens issued to these clients are accepted. Admin Console > Applications > Client ID.',
      ),
    ...peopleOptions(people.principals).shape,
    clientId: z
      .string()
      .min(1)
      .optional()
      .describe('Client id under which this server introspects. Default: none, tokens are verified by key.'),
    clientSecretEnv: secretName.optional().describe('Name of the variable with the secret to clientId.'),
    agentTokens: flag
      .default(false)
      .describe(
        'Whether tokens that AI agents got by token exchange are accepted; the client is then the agent (act.sub).',
      ),
    vanishedKeySeconds: vanishedKeySeconds(600),
  })

/**
 * Okta. Custom authorization servers (`/oauth2/{id}`) issue JWTs that are verified by key; the keys of the org's own one are not
 * published, so its tokens can only be introspected. `sub` is a login name, `uid` the immutable id.
 */
export const okta = defineAdapter({
  name: 'okta',
  title: 'Okta',
  options,
  recognizes: url => isHostWithin(url, ...DOMAINS) || /\/oauth2\/(default|aus\w{10,})(\/|$)/.test(url.pathname),
  people: peopleOfTokens(people),
  mistakes(settings) {
    const { issuer, org } = issuerOf(settings)
    const problem = urlProblem(new URL(issuer), settings.clientId !== undefined)
    const secretless = settings.clientId !== undefined && settings.clientSecretEnv === undefined
    return {
      ...(problem ? { metadataUrl: problem } : {}),
      ...(secretless ? { clientSecretEnv: 'is needed beside clientId' } : {}),
      ...(issuer === org && !settings.clientIds
        ? {
            clientIds:
              'is needed: tokens of the org authorization server are for the whole org, so only the client binds them',
          }
        : {}),
    }
  },
  create(settings, context) {
    const { issuer, org, metadataUrl } = issuerOf(settings)
    const { clientIds, clientId, clientSecretEnv, agentTokens, vanishedKeySeconds } = settings
    const audience = settings.audience ?? (issuer === org ? ([org] as const) : resourceSpellings(context))
    const rules = {
      issuer,
      metadataUrl,
      audience: { audience, clientIds },
      ...mapping,
      check: (claims: Claims) => refuseOtherKinds(claims, agentTokens),
      explain: (reason: TokenReason) => explain(reason, issuer, org),
    }
    if (clientId === undefined || clientSecretEnv === undefined) {
      const keys = { vanishedKeySeconds }
      return createJwtValidator({ ...rules, types: null, algorithms: ACCEPTED_ALGORITHMS, keys }, context)
    }
    const clientSecret = context.secret(clientSecretEnv)
    const credentials = { method: 'client_secret_basic', clientId, clientSecret } as const
    return createIntrospectionValidator({ ...rules, requireTokenType: true, credentials }, context)
  },
})

/** Issuers of Okta have no slash at the end. The org's is its origin. */
function issuerOf(settings: { metadataUrl: string }) {
  const { issuer, metadataUrl } = issuerAndMetadata(settings.metadataUrl)
  return { issuer: issuer.replace(/\/$/, ''), org: new URL(issuer).origin, metadataUrl }
}

function urlProblem({ origin, hostname, pathname }: URL, introspects: boolean): string | undefined {
  if (DOMAINS.some(domain => hostname.endsWith(`-admin.${domain}`))) {
    return `is the address of the admin console; the org's own is ${origin.replace('-admin.', '.')}`
  }
  const [, path] = /^(\/oauth2\/[^/]+)\/v1(\/|$)/.exec(pathname) ?? []
  if (path) return `is an endpoint of the authorization server ${origin}${path}; set it to that`
  if (pathname === '/') {
    return introspects
      ? undefined
      : `is the org authorization server, whose tokens cannot be verified by key: set it to a custom one (${origin}/oauth2/default), or introspect with clientId (OKTA_INTROSPECTION_CLIENT_ID)`
  }
  return /^\/oauth2\/[^/]+$/.test(pathname) && pathname !== '/oauth2/v1'
    ? undefined
    : `is no issuer of Okta; that is the Issuer URI in ${AUTHORIZATION_SERVERS}, like ${origin}/oauth2/default`
}
