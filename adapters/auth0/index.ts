import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import {
  httpsUrl,
  isHostWithin,
  providerOptions,
  textList,
  textListNonEmpty,
  vanishedKeySeconds,
} from '../../src/adapter-options.ts'
import { scopesFromAll } from '../../src/engines/claim-judge.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { peopleOfTokens } from '../../src/people/people.ts'
import { resourceSpellings } from '../../src/resource.ts'
import { people } from './people.ts'
import { AUTH0_HOSTS, explainRefusal, isManagementApi, refuseIdTokens } from './refusals.ts'

/** Issuers of Auth0 end in a slash, whatever was typed. */
const issuerOf = (url: string) => issuerAndMetadata(url).issuer.replace(/\/*$/, '/')

/** Signature algorithms that an API may be set to. */
export const ACCEPTED_ALGORITHMS = ['RS256', 'PS256'] as const

const options = () =>
  providerOptions.extend({
    adapter: z.literal('auth0'),
    metadataUrl: httpsUrl.describe(
      'Metadata URL or issuer of the domain at which users sign in: the custom domain where there is one (Settings > Custom Domains), else the Domain of any application.',
    ),
    audience: textListNonEmpty
      .optional()
      .describe(
        'Identifier of the API, one of which tokens must be for (Applications > APIs). Default: the URL of the MCP endpoint, with or without a slash at its end.',
      ),
    ...peopleOptions(people.principals).shape,
    furtherIssuers: textList
      .pipe(z.array(httpsUrl.transform(issuerOf)))
      .default([])
      .describe(
        'Other domains of the same tenant whose tokens are accepted too, e.g. while users move to a custom domain.',
      ),
    scopeClaims: textListNonEmpty
      .default(['scope'])
      .describe(
        'Claims that count as scopes, together. Add permissions where the API has "Add Permissions in the Access Token" on (APIs > Settings > RBAC); they are all that the user was assigned, whatever was asked for.',
      ),
    vanishedKeySeconds: vanishedKeySeconds(600),
  })

/**
 * Auth0. Access tokens are JWTs only when the request named an API, by `audience` or, with the compatibility profile, by
 * `resource`: https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 */
export const auth0 = defineAdapter({
  name: 'auth0',
  title: 'Auth0',
  options,
  recognizes: url => isHostWithin(url, ...AUTH0_HOSTS),
  people: peopleOfTokens(people),
  mistakes({ metadataUrl, audience = [] }) {
    const { hostname } = new URL(metadataUrl)
    return {
      ...(!hostname.includes('.') &&
        hostname !== 'localhost' && {
          metadataUrl: 'is a whole domain: tenant.eu.auth0.com, not only the name of the tenant',
        }),
      ...(hostname === 'manage.auth0.com' && {
        metadataUrl: 'is the console; the domain is in the Settings of any application there',
      }),
      ...(audience.some(isManagementApi) && {
        audience: 'is the Management API of the tenant; create an API for this server (Applications > APIs)',
      }),
    }
  },
  create({ metadataUrl, audience, furtherIssuers, scopeClaims, vanishedKeySeconds }, context) {
    const [api, ...others] = audience ?? resourceSpellings(context)
    const issuer = issuerOf(metadataUrl)
    return createJwtValidator(
      {
        issuer: [issuer, ...furtherIssuers],
        metadataUrl: issuerAndMetadata(metadataUrl).metadataUrl,
        audience: { audience: [api, ...others] },
        algorithms: ACCEPTED_ALGORITHMS,
        types: ['JWT', 'at+jwt'],
        keys: { vanishedKeySeconds },
        scopes: claims => scopesFromAll(claims, scopeClaims),
        principalType: ({ sub }) => (/^agt_|@clients$/.test(String(sub)) ? 'service' : 'user'),
        tenant: ({ org_id }) => org_id,
        check: refuseIdTokens,
        explain: (reason, seen) => explainRefusal(reason, seen, { issuer, api }),
      },
      context,
    )
  },
})
