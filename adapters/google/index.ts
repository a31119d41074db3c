import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { httpsUrl, providerOptions, textList, textListNonEmpty } from '../../src/adapter-options.ts'
import { createCheckEndpointValidator } from '../../src/engines/check-endpoint.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { scopeGrants } from '../../src/people/grants.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { isEmailPrincipal } from '../../src/people/principals.ts'
import { checkAccessToken, refuseOtherKinds, SECRET_PREFIXES } from './refusals.ts'
import { createServiceAccountValidator } from './service-accounts.ts'
import { tokenPeople } from './token-people.ts'
import { inFull, readTokenInfo } from './tokeninfo.ts'

const every = (pattern: RegExp) => (list: readonly string[]) => list.every(text => pattern.test(text))

const { principals } = tokenPeople

const options = () =>
  providerOptions.omit({ scopePrefix: true, scopeNames: true }).extend({
    adapter: z.literal('google'),
    clientIds: textListNonEmpty
      .refine(every(/^[\w-]+\.apps\.googleusercontent\.com$/), {
        error:
          'must be client ids, which end in .apps.googleusercontent.com; neither a client secret nor a project number',
      })
      .describe(
        'OAuth clients whose tokens are accepted; Google has no other binding. Cloud console > Google Auth Platform > Clients.',
      ),
    allow: peopleOptions(principals).shape.allow,
    grants: scopeGrants(principals.pattern, principals.hint).describe(
      'Who has which scopes of this server. Tokens of Google cannot carry them.',
    ),
    hostedDomains: textList
      .refine(every(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/), { error: 'must be domain names in lower case, like example.com' })
      .default([])
      .describe('Workspace domains whose people may use the server, like @example.com in allow.'),
    requiredGoogleScopes: textList
      .default([])
      .describe(
        'Google scopes that a token must carry, by alias (email) or in full. What clients request is wireScopes.',
      ),
    wireScopes: textListNonEmpty
      .default(['openid', 'email'])
      .describe('Google scopes that clients request, as added in Cloud console > Google Auth Platform > Data Access.'),
    serviceAccountIdTokens: textList
      .refine(every(/^(\d+|[^@\s]+@[a-z0-9.-]+\.gserviceaccount\.com)$/), {
        error: 'must be service accounts: addresses that end in .gserviceaccount.com, or unique ids (numbers)',
      })
      .default([])
      .describe(
        'Service accounts whose ID tokens for this server are accepted. Cloud console > IAM > Service accounts.',
      ),
    tokenInfoUrl: httpsUrl
      .default('https://oauth2.googleapis.com/tokeninfo')
      .describe('Where access tokens are checked. Only an emulator has another place.'),
  })

/** Google Accounts. Access tokens are opaque and name an OAuth client, never a resource; every JWT of Google is an ID token. */
export const google = defineAdapter({
  name: 'google',
  title: 'Google',
  options,
  recognizes: url => url.hostname === 'accounts.google.com',
  opaqueTokens: () => SECRET_PREFIXES,
  secretPrefixes: SECRET_PREFIXES,
  people: tokenPeople,
  mistakes({ wireScopes, allow, hostedDomains, grants, requiredGoogleScopes }) {
    const requested = new Set(wireScopes.map(inFull))
    const byAddress = hostedDomains.length > 0 || [...allow, ...grants.flatMap(({ to }) => to)].some(isEmailPrincipal)
    const unrequested = requiredGoogleScopes.find(scope => !requested.has(inFull(scope)))
    if (requested.has('offline_access')) {
      return {
        wireScopes: 'must not hold offline_access, no scope of Google: clients send access_type=offline instead',
      }
    }
    if (!requested.has('openid'))
      return { wireScopes: 'must hold openid: without it Google does not say who the user is' }
    if (byAddress && !requested.has(inFull('email'))) {
      return { wireScopes: 'must hold email: the domain of a user is told by the address' }
    }
    if (unrequested === undefined) return {}
    return { requiredGoogleScopes: `holds ${unrequested}, which clients never request; add it to wireScopes` }
  },
  create(settings, context) {
    const { issuer, metadataUrl } = issuerAndMetadata(settings.metadataUrl)
    const accessTokens = createCheckEndpointValidator(
      {
        issuer,
        audience: { audience: settings.clientIds, clientIds: settings.clientIds },
        clientId: ({ azp, aud }) => azp ?? aud,
        principalType: () => 'user',
        scopes: () => [], // Google's own; those of this server are granted by rule
        check: claims => checkAccessToken(claims, settings, context.resource),
        expiry: 'required',
        probe: 'ya29.idplug-warm-up',
        precheck: refuseOtherKinds,
        request: token => ({
          url: settings.tokenInfoUrl,
          // Google also takes the token in the query, from where it would get into the logs of proxies.
          init: { method: 'POST', headers: { authorization: `Bearer ${token}` } },
        }),
        read: answer => readTokenInfo(answer, context.now()),
      },
      context,
    )
    if (settings.serviceAccountIdTokens.length === 0) return accessTokens

    const accounts = settings.serviceAccountIdTokens
    const idTokens = createServiceAccountValidator({ issuer, metadataUrl, accounts }, context)
    const validatorOf = (token: string) => (token.startsWith('ya29.') ? accessTokens : idTokens)
    return {
      issuers: accessTokens.issuers,
      answersFor: idTokens.answersFor,
      warmUp: async () => void (await Promise.all([accessTokens.warmUp(), idTokens.warmUp()])),
      validate: (token, connection, scheme, sender) => validatorOf(token).validate(token, connection, scheme, sender),
      verifyAccessToken: token => validatorOf(token).verifyAccessToken(token),
    }
  },
})
