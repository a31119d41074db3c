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
  oneOf,
  otherKinds,
  scopes,
  set,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { keyEndpoints } from '../changes/endpoints.ts'
import { onlyRs256, tokenChanges, types } from '../changes/token.ts'
import type { Change, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, present } from '../signing.ts'
import { NOW } from '../values.ts'

const ISSUER = 'https://acme.eu.auth0.com/'
const METADATA = `${ISSUER}.well-known/openid-configuration`

/** https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles, the default profile with `openid` requested. */
const claims = {
  iss: ISSUER,
  sub: 'auth0|507f1f77bcf86cd799439011',
  aud: [RESOURCE, `${ISSUER}userinfo`],
  iat: NOW - 10,
  exp: NOW + 86_400,
  azp: 'native',
  scope: 'openid notes:read',
}

/** An ID token has the audience of its client, and the same `typ`. */
const idTokens = fc.constantFrom<Change>(
  set('aud', 'native', 'refused'),
  set('aud', ['native'], 'refused'),
  {
    part: 'aud',
    also: ['client', 'typ'],
    name: 'an API that is the client itself',
    verdict: 'refused',
    make: draft => void Object.assign(draft.claims, { aud: RESOURCE, azp: RESOURCE, client_id: RESOURCE }),
  },
  set('aud', 'https://acme.eu.auth0.com/api/v2/', 'refused'),
)

export const auth0: Subject<JwtDraft> = {
  name: 'auth0',
  env: { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' },
  draft: () =>
    jwtDraft({
      metadataUrl: METADATA,
      issuer: ISSUER,
      header: { typ: 'JWT' },
      claims,
      expected: { issuer: ISSUER, subject: claims.sub, clientId: 'native', scopes: ['openid', 'notes:read'] },
    }),
  changes: [
    ...tokenChanges,
    ...onlyRs256,
    ...types(['JWT', 'at+jwt', 'AT+JWT', 'application/jwt'], [undefined, null, '']),
    ...keyEndpoints,
    ...issuer(ISSUER, [
      'https://acme.us.auth0.com/',
      'https://acme.eu.auth0.com.evil.example/',
      'https://other.eu.auth0.com/',
    ]),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], [`${ISSUER}userinfo`, `${ISSUER}api/v2/`]),
    ...bad(idTokens),
    ...client('azp', 'client_id'),
    ...scopes('scope'),
    ...bad(oneOf('org_id', [7, true, [], {}, ''], 'refused')),
    ...expiry({ required: true }),
    ...beginning(),
    ...otherKinds,
    ...confirmation,
    ...ignored('permissions', 'gty', 'jti', 'org_name', 'act', 'email', 'https://acme.example/roles', 'scp'),
    ...unknownClaims,
  ],
  present: draft => present(draft, METADATA),
}
