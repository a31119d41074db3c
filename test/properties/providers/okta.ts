import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
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
import { onlyRs256, tokenChanges, types } from '../changes/token.ts'
import type { Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, present } from '../signing.ts'
import { anyText, NOW, oddText } from '../values.ts'
import { ANY_TYPE } from './oidc.ts'

const ISSUER = 'https://acme.okta.com/oauth2/default'
const METADATA = `${ISSUER}/.well-known/openid-configuration`

/** As Okta's custom authorization servers issue them to users; the header has no `typ`. */
const claims = {
  ver: 1,
  jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
  iss: ISSUER,
  aud: RESOURCE,
  iat: NOW - 10,
  exp: NOW + 3600,
  cid: 'native',
  uid: '00u1abcd2EFGH3ijk4x7',
  scp: ['openid', 'notes:read'],
  auth_time: NOW - 20,
  sub: 'ada@example.com',
}

export const okta: Subject<JwtDraft> = {
  name: 'okta',
  env: { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', OKTA_CLIENT_IDS: 'native, desktop' },
  draft: () =>
    jwtDraft({
      metadataUrl: METADATA,
      issuer: ISSUER,
      header: {},
      claims,
      expected: { issuer: ISSUER, subject: claims.uid, clientId: 'native', scopes: ['openid', 'notes:read'] },
    }),
  changes: [
    ...tokenChanges,
    ...onlyRs256,
    ...types(ANY_TYPE),
    ...keyEndpoints,
    ...issuer(ISSUER, [
      'https://acme.okta.com',
      'https://acme.okta.com/oauth2/aus1',
      'https://acme-admin.okta.com/oauth2/default',
    ]),
    ...subject('uid'),
    ...audience([RESOURCE, `${RESOURCE}/`], ['api://default', 'https://acme.okta.com']),
    ...listedClient('cid', ['native', 'desktop']),
    ...scopes('scp'),
    ...bad(
      fc.constantFrom('ID.x', 'ID.').map(jti => set('jti', jti, 'refused')),
      oneOf('act', [{ sub: 'agent' }, {}, 'agent', 7], 'refused'),
      oneOf('sub_profile', ['ai_agent', '', 0], 'refused'),
      oneOf('delegated_through', [[], ['agent']], 'refused'),
    ),
    ...expiry({ required: true }),
    ...beginning(),
    ...otherKinds,
    ...confirmation,
    ...ignored('sub', 'ver', 'auth_time', 'username', 'groups', 'email', 'scope', 'client_id', 'azp', 'org_id'),
    ...unknownClaims,
  ],
  present: draft => present(draft, METADATA),
}

/** Client credentials: neither `uid` nor the time of a sign-in, and the client is the subject. */
export const oktaMachine: Subject<JwtDraft> = {
  ...okta,
  name: 'okta, machines',
  draft() {
    const draft = okta.draft()
    Object.assign(draft.claims, { uid: undefined, auth_time: undefined, sub: 'native', scp: ['notes:read'] })
    Object.assign(draft.expected, { subject: 'native', principalType: 'service', scopes: ['notes:read'] })
    return draft
  },
  changes: [
    ...subject('sub').filter(({ verdict }) => verdict === 'bad'),
    ...harmless(anyText.map(sub => set('sub', sub, 'good'))),
    ...bad(
      oneOf('uid', fc.oneof(oddText, fc.constant('')), 'refused'),
      oneOf('auth_time', [NOW, 0, '', 'text', {}], 'refused'),
      oneOf('username', ['ada@example.com', '', 7], 'refused'),
      oneOf('act', [{ sub: 'agent' }, {}], 'refused'),
    ),
    ...audience([RESOURCE]),
    ...expiry({ required: true }),
    ...ignored('ver', 'groups', 'email', 'scope', 'client_id', 'azp'),
    ...unknownClaims,
  ],
}
