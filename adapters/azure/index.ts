import { z } from 'zod'
import { defineAdapter } from '../../src/adapter.ts'
import { flag, providerOptions, secretName, textList, vanishedKeySeconds } from '../../src/adapter-options.ts'
import { scopesFromAll } from '../../src/engines/claim-judge.ts'
import { createJwtValidator, type IssuerRule } from '../../src/engines/jwt.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { resourceSpellings } from '../../src/resource.ts'
import {
  CONSUMERS,
  type EntraAuthority,
  forTenant,
  isEntraHost,
  issuersOf,
  mayKeySign,
  readAuthority,
  TENANT_ID,
  tenantOf,
} from './authority.ts'
import { graphPeople } from './graph.ts'
import { entraReason, keyRefusal, refuseOtherKinds } from './refusals.ts'

const guid = z
  .string()
  .toLowerCase()
  .regex(TENANT_ID, { error: 'must be a GUID, like 6731de76-14a6-49ae-97bc-6eba6914391e' })

/** The one signature algorithm of Entra ID, whose keys have no alg. */
export const ACCEPTED_ALGORITHMS = ['RS256'] as const

const options = () =>
  providerOptions.extend({
    adapter: z.literal('azure'),
    clientId: guid.describe(
      'Application (client) ID of the API, a GUID: the aud of v2 tokens. Entra admin center > App registrations > the API > Overview.',
    ),
    appIdUri: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Application ID URI: the aud of v1 tokens. App registrations > the API > Expose an API. Default: the URL of this MCP server.',
      ),
    allowedTenants: textList
      .pipe(z.array(guid))
      .default([])
      .describe(
        'Ids of the tenants whose tokens are accepted, where metadataUrl names organizations or common. Entra admin center > Overview.',
      ),
    dangerouslyAllowAnyTenant: flag
      .default(false)
      .describe('Accepts tokens of every tenant there is, where metadataUrl names organizations or common.'),
    scopeClaims: textList
      .pipe(z.array(z.enum(['scp', 'roles'])).min(1))
      .default(['scp'])
      .describe('Claims that hold scopes. With roles, app roles count: App registrations > the API > App roles.'),
    ...peopleOptions(graphPeople.principals, 'the .default of the API').shape,
    graphClientSecretEnv: secretName
      .optional()
      .describe(
        'Name of the variable with a client secret of the API. With it, groups that do not fit into a token are looked up at Microsoft Graph; needs the application permissions GroupMember.Read.All and User.Read.All.',
      ),
    customSigningKeys: flag
      .default(false)
      .describe(
        'Whether the API has signing keys of its own, as with claims mapping. They are found by its client id.',
      ),
    // Front ends of Entra ID publish different sets: keys vanish, and are back within hours.
    vanishedKeySeconds: vanishedKeySeconds(86_400),
  })

/**
 * Microsoft Entra ID. The API's `requestedAccessTokenVersion` decides between v1 and v2 tokens, not the endpoint that a client
 * used, so both are accepted: https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens
 */
export const azure = defineAdapter({
  name: 'azure',
  title: 'Microsoft Entra ID (Azure AD)',
  options,
  recognizes: ({ hostname }) => isEntraHost(hostname),
  people: graphPeople,
  mistakes({ metadataUrl, appIdUri, allowedTenants, dangerouslyAllowAnyTenant }) {
    const authority = readAuthority(metadataUrl)
    if ('mistake' in authority) return { metadataUrl: authority.mistake }
    const { shared, tenant } = authority
    const listed = allowedTenants.length > 0
    return {
      ...(appIdUri?.endsWith('/') && { appIdUri: 'must not end in a slash: Entra ID registers no such URI' }),
      ...(shared &&
        !listed &&
        !dangerouslyAllowAnyTenant && {
          allowedTenants: `must list the tenants whose users may come in: ${tenant} stands for every tenant there is`,
        }),
      ...(!shared && listed && { allowedTenants: 'goes with organizations as the tenant; now only one is accepted' }),
      ...(listed && dangerouslyAllowAnyTenant && { dangerouslyAllowAnyTenant: 'contradicts the list of tenants' }),
    }
  },
  create({ metadataUrl, clientId, appIdUri, scopeClaims, customSigningKeys, vanishedKeySeconds, ...options }, context) {
    const authority = readAuthority(metadataUrl)
    if ('mistake' in authority) throw new TypeError(`metadataUrl ${authority.mistake}`)
    const { issuer, shared, tenant } = authority
    const uri = appIdUri ?? context.resource
    const uris = resourceSpellings(appIdUri === undefined ? context : { resource: appIdUri })
    const rule = issuerRule(authority, options)
    const refusals = { authority, appIdUri: uri, answersFor: rule.answersFor }
    const metadata = new URL(authority.metadataUrl)
    if (customSigningKeys) metadata.searchParams.set('appid', clientId)
    return createJwtValidator(
      {
        issuer: rule,
        metadataUrl: metadata.href,
        metadataIssuer: shared ? issuer : forTenant(issuer, tenant),
        algorithms: ACCEPTED_ALGORITHMS,
        types: ['JWT'],
        // Client and API may share a registration; `check` refuses what names no client.
        tokenKind: { isAccessToken: ({ azp, appid }) => typeof (azp ?? appid) === 'string' },
        keys: { vanishedKeySeconds },
        // An App ID URI is one app's in its own tenant only; a client id everywhere.
        audience: { audience: shared ? [clientId] : [clientId, `api://${clientId}`, ...uris] },
        subject: ({ tid, oid }) => `${tid}.${oid}`, // sub differs from app to app.
        clientId: ({ azp, appid }) => azp ?? appid,
        tenant: ({ tid }) => tid,
        principalType: ({ idtyp, scp }) => (idtyp === 'app' || (scp ?? undefined) === undefined ? 'service' : 'user'),
        scopes: claims => scopesFromAll(claims, scopeClaims),
        check: refuseOtherKinds,
        explain: (reason, seen) => entraReason(reason, seen, refusals),
      },
      context,
    )
  },
})

function issuerRule(
  authority: EntraAuthority,
  { allowedTenants, dangerouslyAllowAnyTenant }: { allowedTenants: string[]; dangerouslyAllowAnyTenant: boolean },
): Required<IssuerRule> {
  const { issuer, shared, tenant } = authority
  const any = shared && dangerouslyAllowAnyTenant
  const tenants = shared ? allowedTenants : [tenant]
  // Every token asks for these: put together once, they cost nothing beside its signature.
  const v2Issuers = new Map(tenants.map(id => [id, forTenant(issuer, id)]))
  const known = new Map(tenants.flatMap(id => issuersOf(authority, id).map(iss => [iss, id] as const)))

  function allowedTenantOf(iss: string): string | undefined {
    if (!any) return known.get(iss)
    const found = tenantOf(authority, iss)
    return found === CONSUMERS && tenant !== 'common' ? undefined : found
  }

  return {
    issuers: (any ? [forTenant(issuer, tenant)] : [...v2Issuers.values()]) as [string, ...string[]],
    answersFor: iss => allowedTenantOf(iss) !== undefined,
    accepts(iss, { tid }, jwk) {
      const found = allowedTenantOf(iss)
      if (found === undefined || tid !== found) return false
      if (!mayKeySign(authority, jwk, found)) throw keyRefusal(jwk, found)
      return true
    },
    canonical: ({ tid }) => v2Issuers.get(tid as string) ?? forTenant(issuer, tid as string),
  }
}
