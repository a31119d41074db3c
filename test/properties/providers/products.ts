import type { KeyObject } from 'node:crypto'
import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
  client,
  confirmation,
  expiry,
  harmless,
  ignored,
  issuer,
  listedClient,
  oneOf,
  otherKinds,
  scopes,
  set,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { keyEndpoints } from '../changes/endpoints.ts'
import { tokenChanges, types } from '../changes/token.ts'
import type { ChangeFamily, Draft, Members, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, present } from '../signing.ts'
import { anyJson, NOW } from '../values.ts'
import { ANY_TYPE } from './oidc.ts'

export interface Product {
  readonly env: Readonly<Record<string, string>>
  readonly issuer: string
  readonly metadataUrl?: string
  readonly header?: Members
  readonly claims: Members
  readonly expected: Draft['expected']
  readonly changes: readonly ChangeFamily[]
  readonly types?: readonly ChangeFamily<JwtDraft>[]
  /** Default: RSA. */
  readonly key?: KeyObject
}

export function product(
  name: string,
  { env, issuer: iss, header = { typ: 'JWT' }, ...rest }: Product,
): Subject<JwtDraft> {
  const { metadataUrl = `${iss}/.well-known/openid-configuration` } = rest
  const claims = { iss, iat: NOW - 10, exp: NOW + 300, ...rest.claims }
  return {
    name,
    env: { AUTH_PROVIDER: name, ...env },
    draft: () => jwtDraft({ metadataUrl, issuer: iss, header, claims, expected: rest.expected, key: rest.key }),
    changes: [
      ...tokenChanges,
      ...(rest.types ?? types(ANY_TYPE)),
      ...keyEndpoints,
      ...rest.changes,
      ...expiry({ required: true }),
      ...beginning(),
      ...confirmation,
      ...unknownClaims,
    ],
    present: draft => present(draft, metadataUrl),
  }
}

/** Claims that a mark of access tokens must have. */
const mark = (claim: string, value: string, others: readonly string[]) =>
  bad(oneOf(claim, [undefined, null, '', 7, {}, [], true, value.toUpperCase(), `${value} `, ...others], 'refused'))

export const without = (families: readonly ChangeFamily[], claim: string) =>
  families.map(({ verdict, arbitrary }) => ({ verdict, arbitrary: arbitrary.filter(({ part }) => part !== claim) }))

const KEYCLOAK = 'https://id.example.com/realms/acme'

/** Roles by which rules let people in, and give scopes. */
const roles: readonly ChangeFamily[] = [
  ...harmless(
    fc
      .constantFrom<unknown>(['staff'], ['other', 'staff'], ['staff', 'staff'])
      .map(list => set('realm_access', { roles: list }, 'good', { expected: { scopes: ['notes:read'] } })),
    fc
      .constantFrom<unknown>(['staff', 'writer'], ['writer', 'staff', 'a'])
      .map(list =>
        set('realm_access', { roles: list }, 'good', { expected: { scopes: ['notes:read', 'notes:write'] } }),
      ),
  ),
  ...bad(
    oneOf('realm_access', [undefined, null, [], ['staff'], 'staff', 7, {}, { roles: null }, { roles: [] }], 'refused'),
    oneOf(
      'realm_access',
      [{ roles: ['writer'] }, { roles: ['Staff'] }, { roles: ['staff '] }, { roles: 'staff writer' }],
      'refused',
    ),
    oneOf(
      'realm_access',
      [{ Roles: ['staff'] }, { roles: { staff: false } }, { roles: ['group:staff', 'role:staff'] }],
      'refused',
    ),
  ),
]

export const keycloak = product('keycloak', {
  env: {
    KEYCLOAK_URL: 'https://id.example.com',
    KEYCLOAK_REALM: 'acme',
    KEYCLOAK_ALLOW: 'role:staff',
    KEYCLOAK_GRANT_SCOPES: 'notes:read',
    KEYCLOAK_GRANT_TO: 'everyone',
  },
  issuer: KEYCLOAK,
  claims: {
    jti: 'onrtac:2a1c',
    aud: [RESOURCE, 'account'],
    sub: '7b9f2c64-0000-4000-8000-000000000001',
    typ: 'Bearer',
    azp: 'native',
    sid: 'e6b4',
    acr: '1',
    realm_access: { roles: ['offline_access', 'staff'] },
    resource_access: { account: { roles: ['view-profile'] } },
    scope: 'openid notes:read',
    preferred_username: 'ada',
  },
  expected: {
    issuer: KEYCLOAK,
    subject: '7b9f2c64-0000-4000-8000-000000000001',
    clientId: 'native',
    scopes: ['notes:read'],
  },
  changes: [
    ...issuer(KEYCLOAK, [
      'https://id.example.com/realms/other',
      'https://id.example.com/auth/realms/acme',
      'https://id.example.com/realms/ACME',
    ]),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['account', 'native', 'master-realm']),
    ...client('client_id', 'azp')
      .filter(({ verdict }) => verdict === 'bad')
      .slice(1),
    ...mark('typ', 'Bearer', ['ID', 'Refresh', 'Offline', 'Logout', 'DPoP']),
    ...roles.map(family => keepScopes(family)),
    ...otherKinds,
    ...ignored(
      'jti',
      'sid',
      'acr',
      'session_state',
      'resource_access',
      'preferred_username',
      'email',
      'allowed-origins',
      'auth_time',
      'groups',
    ),
    ...bad(oneOf('scope', [7, {}, [1]], 'refused')),
  ],
})

/** One grant to everyone: roles decide who may come in, and nothing else. */
function keepScopes({ verdict, arbitrary }: ChangeFamily): ChangeFamily {
  return {
    verdict,
    arbitrary: arbitrary.map(change => ({
      ...change,
      make(draft) {
        const { scopes: before } = draft.expected
        change.make(draft)
        Object.assign(draft.expected, { scopes: before })
      },
    })),
  }
}

const COGNITO = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI'

export const cognito = product('cognito', {
  env: {
    COGNITO_REGION: 'eu-central-1',
    COGNITO_USER_POOL_ID: 'eu-central-1_AbCdEfGhI',
    COGNITO_CLIENT_IDS: 'native, machine',
  },
  issuer: COGNITO,
  header: {},
  claims: {
    sub: 'a3d4c8f2-0000-4000-8000-000000000001',
    'cognito:groups': ['staff'],
    version: 2,
    client_id: 'native',
    origin_jti: 'b1',
    token_use: 'access',
    scope: `openid ${RESOURCE}/notes:read`,
    auth_time: NOW - 20,
    jti: 'c2',
    username: 'ada',
  },
  expected: {
    issuer: COGNITO,
    subject: 'a3d4c8f2-0000-4000-8000-000000000001',
    clientId: 'native',
    scopes: ['openid', 'notes:read'],
  },
  changes: [
    ...issuer(COGNITO, [COGNITO.replace('GhI', 'GhJ'), COGNITO.replaceAll('central', 'west')]),
    ...subject(),
    ...listedClient('client_id', ['native', 'machine']),
    ...mark('token_use', 'access', ['id', 'refresh', 'Access']),
    ...without(otherKinds, 'token_use'),
    // Only there with resource binding; what it says binds nothing here, but it has to be one.
    ...harmless(oneOf('aud', [undefined, null, [], RESOURCE, 'other', ['other']], 'good')),
    ...bad(oneOf('aud', [7, {}, [1], true], 'refused')),
    ...scopes('scope'),
    ...ignored(
      'version',
      'origin_jti',
      'auth_time',
      'jti',
      'username',
      'cognito:groups',
      'device_key',
      'event_id',
      'azp',
      'scp',
    ),
  ],
})

const ZITADEL = 'https://acme.zitadel.cloud'
const PROJECT = '268932'

export const zitadel = product('zitadel', {
  env: { ZITADEL_DOMAIN: 'acme.zitadel.cloud', ZITADEL_PROJECT_ID: PROJECT },
  issuer: ZITADEL,
  header: { typ: 'at+jwt' },
  claims: {
    sub: '163840776835432705',
    aud: ['native', PROJECT],
    client_id: 'native',
    nbf: NOW - 10,
    jti: 'V2_1-at_2',
    scope: 'openid notes:read',
    'urn:zitadel:iam:org:project:roles': { reader: { 1: 'acme.zitadel.cloud' } },
  },
  expected: { issuer: ZITADEL, subject: '163840776835432705', clientId: 'native', scopes: ['openid', 'notes:read'] },
  changes: [
    ...issuer(ZITADEL, ['https://other.zitadel.cloud', 'acme.zitadel.cloud']),
    ...subject(),
    ...audience([PROJECT], ['native', '999999', ` ${PROJECT}`]),
    ...client('client_id', 'azp'),
    ...scopes('scope'),
    ...otherKinds,
    ...harmless(anyJson.map(value => set('urn:zitadel:iam:org:project:roles', value, 'good'))),
    ...ignored('jti', 'email', 'urn:zitadel:iam:user:metadata', 'urn:zitadel:iam:user:resourceowner:id', 'auth_time'),
  ],
})

const ADFS = 'https://adfs.example.com/adfs'
const TRUST = 'http://adfs.example.com/adfs/services/trust'

/** Tokens have another issuer than the metadata, and identities are kept under that of the metadata. */
export const adfs = product('adfs', {
  env: { ADFS_DOMAIN: 'adfs.example.com' },
  issuer: ADFS,
  claims: {
    iss: TRUST,
    aud: RESOURCE,
    sub: 'ada',
    appid: 'native',
    apptype: 'Public',
    scp: 'notes:read',
    ver: '1.0',
    auth_time: '2026-11-01T00:00:00Z',
  },
  expected: { issuer: ADFS, subject: 'ada', clientId: 'native', scopes: ['notes:read'] },
  changes: [
    ...issuer(TRUST, [
      ADFS,
      'https://adfs.example.com/adfs/services/trust',
      'http://other.example.com/adfs/services/trust',
    ]),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['microsoft:identityserver:other', 'native']),
    ...client('appid'),
    ...scopes('scp', { objects: true }),
    ...otherKinds,
    ...ignored('apptype', 'ver', 'auth_time', 'unique_name', 'upn', 'authmethod', 'azp', 'client_id', 'scope'),
  ],
})

const CLERK = 'https://acme.clerk.accounts.dev'

export const clerk = product('clerk', {
  env: { CLERK_DOMAIN: 'acme.clerk.accounts.dev', CLERK_CLIENT_IDS: 'native' },
  issuer: CLERK,
  header: { typ: 'at+jwt' },
  claims: { sub: 'user_2abc', client_id: 'native', jti: 'oat_1', nbf: NOW - 10, scope: 'openid email' },
  expected: { issuer: CLERK, subject: 'user_2abc', clientId: 'native', scopes: ['openid', 'email'] },
  types: types(['at+jwt', 'application/at+jwt', 'AT+JWT'], [undefined, null, '', 'JWT', 'jwt']),
  changes: [
    ...issuer(CLERK),
    ...subject(),
    ...listedClient('client_id', ['native']),
    ...harmless(oneOf('aud', [undefined, null, [], RESOURCE, 'other'], 'good')),
    ...otherKinds,
    ...ignored('jti', 'azp', 'sid', 'email', 'fva', 'org_id'),
  ],
})
