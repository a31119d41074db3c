import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
  confirmation,
  expiry,
  harmless,
  ignored,
  oneOf,
  set,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { keyEndpoints } from '../changes/endpoints.ts'
import { onlyRs256, tokenChanges, types } from '../changes/token.ts'
import type { Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, present } from '../signing.ts'
import { NOW, noText } from '../values.ts'
import { google } from './google.ts'
import { ANY_TYPE } from './oidc.ts'

const ISSUER = 'https://accounts.google.com'
const METADATA = `${ISSUER}/.well-known/openid-configuration`
const ROBOT = 'robot@project.iam.gserviceaccount.com'
/** As in Google's own library, in seconds. */
const TOLERANCE = 300

/** ID token of a service account for an audience of its choice: https://cloud.google.com/docs/authentication/get-id-token */
const claims = {
  aud: RESOURCE,
  azp: '113774264463038321964',
  email: ROBOT,
  email_verified: true,
  exp: NOW + 3600,
  iat: NOW - 10,
  iss: ISSUER,
  sub: '113774264463038321964',
}

const otherAccounts = [
  'other@project.iam.gserviceaccount.com',
  'ada@example.com',
  `${ROBOT}.evil.example`,
  ROBOT.toUpperCase(),
  `evil@${ROBOT}`,
]

/** ID tokens are what is wanted here, and of accounts that are listed only. */
export const serviceAccounts: Subject<JwtDraft> = {
  name: 'google, service accounts',
  env: { ...google.env, GOOGLE_SERVICE_ACCOUNTS: ROBOT },
  draft: () =>
    jwtDraft({
      metadataUrl: METADATA,
      issuer: ISSUER,
      header: { typ: 'JWT' },
      claims,
      expected: { issuer: ISSUER, subject: claims.sub, clientId: claims.azp, principalType: 'service' },
    }),
  changes: [
    ...tokenChanges,
    ...onlyRs256,
    ...types(ANY_TYPE),
    ...keyEndpoints,
    ...harmless(
      oneOf('iss', ['accounts.google.com', ISSUER], 'good'),
      fc.constantFrom('native', '7').map(azp => set('azp', azp, 'good', { expected: { clientId: azp } })),
    ),
    ...bad(
      oneOf('iss', noText, 'refused'),
      oneOf('iss', [`${ISSUER}/`, 'accounts.google.com/', 'http://accounts.google.com', 'google.com'], 'refused'),
      oneOf('email', noText, 'refused'),
      oneOf('email', otherAccounts, 'refused'),
      oneOf('email_verified', [undefined, null, false, 'true', 1, 0, {}, []], 'refused'),
      oneOf('iat', [undefined, null], 'refused'),
      oneOf('exp', [NOW + 86_400 * 2, 1e15], 'refused'),
    ),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['https://other.example.com', claims.azp]),
    ...expiry({ required: true, tolerance: TOLERANCE }).map(({ verdict, arbitrary }) => ({
      verdict,
      // No longer than a day after iat.
      arbitrary: arbitrary.filter(
        ({ name, verdict }) => verdict !== 'good' || !/1000000000000000|\b17935776/.test(name),
      ),
    })),
    // `iat` is needed, and `exp` not far from it.
    ...beginning(TOLERANCE).filter(({ verdict }) => verdict === 'bad'),
    ...harmless(oneOf('nbf', [undefined, null, 0, NOW + TOLERANCE], 'good')),
    ...confirmation,
    ...ignored('nonce', 'at_hash', 'hd', 'google', 'token_use', 'name', 'picture'),
    ...unknownClaims,
  ],
  present: draft => present(draft, METADATA),
}
