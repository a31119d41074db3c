import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
  client,
  confirmation,
  duplicates,
  expiry,
  harmless,
  ignored,
  oneOf,
  otherKinds,
  scopes,
  set,
  unknownClaims,
} from '../changes/claims.ts'
import { keyEndpoints } from '../changes/endpoints.ts'
import { onlyRs256, tokenChanges, types } from '../changes/token.ts'
import type { Change, ChangeFamily, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, present } from '../signing.ts'
import { anyText, NOW, neighborsOf, noText } from '../values.ts'

const TENANT = '6731de76-14a6-49ae-97bc-6eba6914391e'
const PARTNER = '11111111-2222-4333-8444-555555555555'
const STRANGER = '99999999-2222-4333-8444-555555555555'
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const API = '00001111-aaaa-4bbb-8ccc-dddddddd2222'
const OID = '690222be-ff1a-4d56-abd1-7e4f7d38e474'

const HOST = 'https://login.microsoftonline.com'
const v2 = (tenant: string) => `${HOST}/${tenant}/v2.0`
const v1 = (tenant: string) => `https://sts.windows.net/${tenant}/`
const metadataOf = (tenant: string) => `${HOST}/${tenant}/v2.0/.well-known/openid-configuration`

/** A v2 token: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference */
const claims = {
  aud: API,
  iss: v2(TENANT),
  iat: NOW - 300,
  nbf: NOW - 300,
  exp: NOW + 4500,
  aio: 'AWQAm',
  azp: '11112222-bbbb-4ccc-8ddd-eeeeeeee3333',
  azpacr: '0',
  name: 'Ada',
  oid: OID,
  preferred_username: 'ada@example.com',
  rh: '0.ASgA',
  scp: 'notes:read notes:write',
  sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
  tid: TENANT,
  uti: 'sXuDTHlXGUa',
  ver: '2.0',
}

const expected = {
  issuer: v2(TENANT),
  subject: `${TENANT}.${OID}`,
  clientId: claims.azp,
  scopes: ['notes:read', 'notes:write'],
}

/** Entra ID's keys have no `alg`, and name the issuer that they sign for. */
const keyMembers = { alg: undefined, issuer: v2('{tenantid}') }

const v1Token: Change = {
  part: 'version',
  name: 'a v1 token',
  verdict: 'good',
  make(draft) {
    const { azp, iss, aud } = draft.claims
    Object.assign(draft.claims, { ver: '1.0', azp: undefined, appid: azp })
    if (iss === v2(TENANT)) draft.claims.iss = v1(TENANT)
    if (aud === API) draft.claims.aud = RESOURCE
  },
}

const applicationToken: Change = {
  part: 'scp',
  name: 'a token of an application',
  verdict: 'good',
  make(draft) {
    Object.assign(draft.claims, { scp: undefined, roles: ['Notes.Read'], idtyp: 'app' })
    Object.assign(draft.expected, { scopes: [], principalType: 'service' })
  },
}

const keyIssuer = (issuer: unknown, verdict: Change['verdict']): Change<JwtDraft> => ({
  part: 'keySet',
  name: `the key signs for ${JSON.stringify(issuer)}`,
  verdict,
  make: draft => void Object.assign(draft.keySet[0] as object, { issuer }),
})

const shared: readonly ChangeFamily<JwtDraft>[] = [
  ...tokenChanges,
  ...onlyRs256,
  ...types(['JWT', 'jwt', 'application/jwt'], [undefined, null, '', 'at+jwt']),
  ...keyEndpoints.filter(({ verdict }) => verdict === 'bad'),
  ...bad(
    oneOf('oid', noText, 'refused'),
    oneOf('tid', noText, 'refused'),
    oneOf('tid', [STRANGER, TENANT.toUpperCase(), ` ${TENANT}`, [TENANT], '{tenantid}'], 'refused'),
    oneOf('scp', [undefined, null, '', ' ', []], 'refused'),
    oneOf('iss', noText, 'refused'),
    oneOf(
      'iss',
      [...neighborsOf(v2(TENANT)), v2(STRANGER), v1(STRANGER), v2('{tenantid}'), v2('common'), v2(CONSUMERS)],
      'refused',
    ),
    fc
      .constantFrom<unknown>(
        v2(CONSUMERS),
        v2(STRANGER),
        v1(TENANT),
        'https://evil.example/{tenantid}/v2.0',
        null,
        7,
        {},
        '',
      )
      .map(issuer => keyIssuer(issuer, 'refused')),
    fc.constant<Change<JwtDraft>>({
      part: 'signature',
      name: 'nonce in the header, as for Microsoft Graph: the signature is over something else',
      verdict: 'refused',
      make(draft) {
        draft.header.nonce = 'digest'
        draft.edits.push(token =>
          token.replace(/^[^.]+/, Buffer.from(JSON.stringify({ ...draft.header, nonce: 'n' })).toString('base64url')),
        )
      },
    }),
  ),
  ...duplicates('tid', STRANGER),
  ...expiry({ required: true }),
  ...beginning(),
  ...otherKinds,
  ...confirmation,
  ...ignored(
    'aio',
    'azpacr',
    'name',
    'preferred_username',
    'rh',
    'sub',
    'uti',
    'xms_cc',
    'groups',
    '_claim_names',
    'wids',
    'ipaddr',
  ),
  ...unknownClaims,
]

export const azure: Subject<JwtDraft> = {
  name: 'azure',
  env: { AUTH_PROVIDER: 'azure', AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: API },
  draft: () =>
    jwtDraft({
      metadataUrl: metadataOf(TENANT),
      issuer: v2(TENANT),
      header: { typ: 'JWT' },
      claims,
      expected,
      keyMembers,
    }),
  changes: [
    ...shared,
    ...audience([API, `api://${API}`, RESOURCE, `${RESOURCE}/`], ['00000003-0000-0000-c000-000000000000', claims.azp]),
    ...client('azp', 'appid'),
    ...scopes('scp').filter(({ verdict }) => verdict === 'bad'),
    ...harmless(
      anyText.map(oid => set('oid', oid, 'good', { expected: { subject: `${TENANT}.${oid}` } })),
      oneOf('scp', ['a', 'a  b', ['a', 'b']], 'good', { expected: { scopes: undefined } }),
      fc.constant(applicationToken),
      fc.constant({ ...v1Token, part: 'client' }),
      fc.constantFrom<unknown>(v2(TENANT), v2('{tenantid}'), undefined).map(issuer => keyIssuer(issuer, 'good')),
    ),
  ],
  present: draft => present(draft, metadataOf(TENANT)),
}

/** Two tenants by the shared document, whose keys must say for whom they sign. */
export const organizations: Subject<JwtDraft> = {
  name: 'azure, for two tenants',
  env: {
    AUTH_PROVIDER: 'azure',
    AZURE_TENANT_ID: 'organizations',
    AZURE_ALLOWED_TENANTS: `${TENANT}, ${PARTNER}`,
    AZURE_CLIENT_ID: API,
  },
  draft: () =>
    jwtDraft({
      metadataUrl: metadataOf('organizations'),
      issuer: v2('{tenantid}'),
      header: { typ: 'JWT' },
      claims,
      expected,
      keyMembers,
    }),
  changes: [
    ...shared,
    // An App ID URI is one app's in its own tenant only.
    ...audience([API], [RESOURCE, `api://${API}`, '00000003-0000-0000-c000-000000000000']),
    ...harmless(
      fc.constant<Change>({
        part: 'iss',
        name: 'the other tenant',
        verdict: 'good',
        make(draft) {
          const { tid } = draft.claims
          draft.claims.iss = v2(PARTNER)
          if (tid === TENANT) draft.claims.tid = PARTNER
          Object.assign(draft.expected, { issuer: v2(PARTNER), subject: `${PARTNER}.${OID}`, tenant: PARTNER })
        },
      }),
      fc.constant(keyIssuer(v2('{tenantid}'), 'good')),
    ),
    ...bad(
      fc.constant(keyIssuer(undefined, 'refused')),
      fc.constantFrom(STRANGER, CONSUMERS).map(
        (tenant): Change => ({
          part: 'iss',
          name: `the tenant ${tenant}`,
          verdict: 'refused',
          make: draft => void Object.assign(draft.claims, { iss: v2(tenant), tid: tenant }),
        }),
      ),
    ),
  ],
  present: draft => present(draft, metadataOf('organizations')),
}
