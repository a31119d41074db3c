import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
  confirmation,
  expiry,
  harmless,
  ignored,
  listedClient,
  oneOf,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { answers, json, NO_ANSWERS, page, text } from '../changes/endpoints.ts'
import type { Change, ChangeFamily, Members, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { NOW, neighborsOf, oddText } from '../values.ts'
import { type AnswerDraft, answerDraft, answerOf, replace } from './answers.ts'

const ISSUER = 'https://op.example.com'
const METADATA = `${ISSUER}/.well-known/openid-configuration`
const ENDPOINT = `${ISSUER}/me`

/** OpenID Connect Core §5.3.2, with the client that a mapper of the provider adds. */
const members = {
  sub: 'user-1',
  client_id: 'client-1',
  name: 'Ada',
  email: 'ada@example.com',
  email_verified: true,
  updated_at: NOW - 1000,
}

const expected = {
  issuer: ISSUER,
  subject: 'user-1',
  clientId: 'client-1',
  scopes: ['notes:read', 'notes:write'],
  principalType: 'user',
} as const

const clientIn = (claims: Members, verdict: Change['verdict']): Change => ({
  part: 'client',
  also: ['aud', 'azp'],
  name: `the client is in ${JSON.stringify(claims)}`,
  verdict,
  make: draft => void Object.assign(draft.claims, { client_id: undefined }, claims),
})

/** The client is the first that is there of client_id, azp, and an aud that is nobody else. */
const clients: ChangeFamily[] = [
  ...listedClient('client_id', ['client-1', 'client-2']),
  ...harmless(
    fc.constantFrom(
      clientIn({ azp: 'client-1' }, 'good'),
      clientIn({ aud: 'client-1' }, 'good'),
      clientIn({ aud: ['client-1'] }, 'good'),
      clientIn({ azp: 'client-1', aud: ['other', 'another'] }, 'good'),
    ),
  ),
  ...bad(
    fc.constantFrom(
      clientIn({ azp: 'other' }, 'refused'),
      clientIn({ azp: 'other', aud: 'client-1' }, 'refused'),
      clientIn({ aud: ['client-1', 'other'] }, 'refused'),
      clientIn({ aud: 'other' }, 'refused'),
      clientIn({ aud: [] }, 'refused'),
      clientIn({ cid: 'client-1', appid: 'client-1' }, 'refused'),
    ),
  ),
]

const issuer: ChangeFamily[] = [
  ...harmless(oneOf('iss', [undefined, null, ISSUER], 'good')),
  ...bad(
    oneOf('iss', ['', `${ISSUER}/`, ...neighborsOf(ISSUER), 'https://other.example.com', [ISSUER]], 'refused'),
    oneOf('iss', oddText, 'refused'),
  ),
]

const endpoint: readonly ChangeFamily<AnswerDraft>[] = [
  ...answers(NO_ANSWERS, 'unknown', replace),
  ...answers(
    [
      ['200 about nobody', json(200, {})],
      ['200 with an error', json(200, { error: 'server_error' })],
      ['201', json(201, members)],
      ['204', text(204)],
      ['403 with Retry-After', text(403, '', { 'retry-after': '60' })],
    ],
    'unknown',
    replace,
  ),
  ...answers(
    [
      ['401', text(401)],
      ['401 with a page', text(401, page)],
      ['401 invalid_token', text(401, '', { 'www-authenticate': 'Bearer error="invalid_token"' })],
      ['401 insufficient_scope', text(401, '', { 'www-authenticate': 'Bearer error="insufficient_scope"' })],
      ['403 insufficient_scope', json(403, { error: 'insufficient_scope' })],
      ['403 invalid_token', text(403, '', { 'www-authenticate': 'Bearer error=invalid_token' })],
      ['400 invalid_token', json(400, { error: 'invalid_token' })],
      ['200 invalid_token', json(200, { error: 'invalid_token' })],
    ],
    'refused',
    replace,
  ),
  ...answers(
    [
      ['400', text(400)],
      ['403', text(403)],
      ['403 of another kind', text(403, '', { 'www-authenticate': 'Bearer error_description="error=invalid_token"' })],
      ['404 with a page', text(404, page)],
      ['405', text(405)],
      ['a signed answer', text(200, 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln', { 'content-type': 'application/jwt' })],
      [
        'what is called signed',
        text(200, JSON.stringify(members), { 'content-type': 'Application/JWT; charset=utf-8' }),
      ],
    ],
    'ours',
    replace,
  ),
]

function userinfoSubject(name: string, env: Record<string, string>, changes: Subject<AnswerDraft>['changes']) {
  return {
    name,
    env: {
      AUTH_PROVIDER: 'userinfo',
      USERINFO_METADATA_URL: METADATA,
      USERINFO_GRANT_SCOPES: 'notes:read notes:write',
      USERINFO_GRANT_TO: 'everyone',
      ...env,
    },
    draft: () => answerDraft('2YotnFZFEjr1zCsicMWpAA', members, expected),
    changes,
    present: draft => ({
      token: draft.token,
      endpoints: {
        [METADATA]: () => Response.json({ issuer: ISSUER, userinfo_endpoint: ENDPOINT }),
        [ENDPOINT]: answerOf(draft),
      },
    }),
  } satisfies Subject<AnswerDraft>
}

const common: readonly ChangeFamily<AnswerDraft>[] = [
  ...issuer,
  ...subject(),
  ...expiry({ required: false }),
  ...beginning(),
  ...confirmation,
  // What is asked about is an access token, whatever the claims of its user are called.
  ...ignored(
    'nonce',
    'at_hash',
    'token_use',
    'typ',
    'name',
    'groups',
    'roles',
    'scope',
    'scp',
    'username',
    'updated_at',
  ),
  ...unknownClaims,
  ...endpoint,
  ...harmless(
    fc.constantFrom('text/plain', 'application/jwt2', 'application/json; charset=utf-8', '').map(
      (type): Change<AnswerDraft> => ({
        part: 'headers',
        name: `as ${type}`,
        verdict: 'good',
        make: draft => {
          draft.headers['content-type'] = type
        },
      }),
    ),
  ),
]

/** Bound by the client. */
export const userinfo = userinfoSubject('userinfo', { USERINFO_CLIENT_IDS: 'client-1, client-2' }, [
  ...common,
  ...clients,
  ...ignored('azp'),
  ...harmless(oneOf('aud', [undefined, null, [], 'other', ['a', 'b']], 'good')),
  ...bad(oneOf('aud', [7, {}, [1], true], 'refused')),
])

/** Bound by the audience: any client will do, but one must be named. */
export const userinfoForAudience: Subject<AnswerDraft> = {
  ...userinfoSubject('userinfo, for an audience', { USERINFO_AUDIENCE: RESOURCE }, [
    ...common,
    ...audience([RESOURCE], [`${RESOURCE}/`, 'client-1']),
    ...bad(oneOf('client_id', [7, {}, ['client-1'], '', true], 'refused')),
  ]),
  draft: () => answerDraft('2YotnFZFEjr1zCsicMWpAA', { ...members, aud: RESOURCE }, expected),
}
