import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
  client,
  confirmation,
  expiry,
  ignored,
  issuer,
  listedClient,
  otherKinds,
  scopes,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { keyEndpoints } from '../changes/endpoints.ts'
import { tokenChanges, types } from '../changes/token.ts'
import type { Change, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, keys, present } from '../signing.ts'
import { NOW } from '../values.ts'

const ISSUER = 'https://as.example.com/realm'
const METADATA = `${ISSUER}/.well-known/openid-configuration`
export const ANY_TYPE = [undefined, null, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/JWT']

/** Claims that a provider of OpenID Connect may send, and that nobody reads here. */
export const OPENID_CLAIMS = [
  'jti',
  'auth_time',
  'sid',
  'email',
  'email_verified',
  'name',
  'preferred_username',
  'groups',
  'roles',
  'ver',
  'amr',
  'acr',
  'locale',
  'uid',
  'org_id',
  'realm_access',
  'act',
  'may_act',
  'authorization_details',
  'username',
  'permissions',
] as const

const claims = {
  iss: ISSUER,
  sub: 'user-1',
  aud: RESOURCE,
  client_id: 'client-1',
  scope: 'notes:read notes:write',
  iat: NOW - 10,
  exp: NOW + 3600,
  jti: 'jti-1',
}

/** The audience that it would be accepted for is its client, as in every ID token, and nothing says that it is none. */
const possibleIdToken = (others: readonly string[]): Change<JwtDraft> => ({
  part: 'aud',
  also: ['client', 'typ', 'token_use', 'token_usage', 'token_type', 'type'],
  name: `the client is the audience, beside ${others.length} others`,
  verdict: 'refused',
  make(draft) {
    draft.header.typ = 'JWT'
    Object.assign(draft.claims, { aud: [RESOURCE, ...others], client_id: RESOURCE })
  },
})

/** RFC 9068 §2.2. */
export const oidc: Subject<JwtDraft> = {
  name: 'oidc',
  env: { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: METADATA },
  draft: () =>
    jwtDraft({
      metadataUrl: METADATA,
      issuer: ISSUER,
      header: { typ: 'at+jwt' },
      claims,
      key: keys.ec,
      expected: { issuer: ISSUER, subject: 'user-1', clientId: 'client-1', scopes: ['notes:read', 'notes:write'] },
    }),
  changes: [
    ...tokenChanges,
    ...types(ANY_TYPE),
    ...keyEndpoints,
    ...issuer(ISSUER, [
      'https://as.example.com',
      'https://as.example.com/other',
      'https://as.example.com/realm/../realm',
    ]),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['https://mcp.example.com', 'https://mcp.example.com/']),
    ...client('client_id', 'azp'),
    ...bad(fc.constantFrom(possibleIdToken([]), possibleIdToken(['https://other.example.com']))),
    ...scopes('scope'),
    ...expiry({ required: true }),
    ...beginning(),
    ...otherKinds,
    ...confirmation,
    ...ignored(...OPENID_CLAIMS),
    ...unknownClaims,
  ],
  present: draft => present(draft, METADATA),
  // Has the most changes.
  weight: 3,
}

/** The same, for two clients only. */
export const oidcForClients: Subject<JwtDraft> = {
  ...oidc,
  weight: 1,
  name: 'oidc, for two clients',
  env: { ...oidc.env, OIDC_CLIENT_IDS: 'client-1, https://client.example.com/metadata.json' },
  changes: [
    ...listedClient('client_id', ['client-1', 'https://client.example.com/metadata.json']),
    ...audience([RESOURCE]),
    ...otherKinds,
    ...ignored('azp', ...OPENID_CLAIMS),
    ...unknownClaims,
  ],
}
