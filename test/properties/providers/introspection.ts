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
  listedClient,
  nested,
  oneOf,
  otherKinds,
  scopes,
  set,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { answers, json, NO_ANSWERS, page, text } from '../changes/endpoints.ts'
import type { Answer, Change, ChangeFamily, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { NOW, neighborsOf, oddText } from '../values.ts'
import { type AnswerDraft, answerDraft, answerOf, replace } from './answers.ts'
import { OPENID_CLAIMS } from './oidc.ts'

const ISSUER = 'https://as.example.com'
const METADATA = `${ISSUER}/.well-known/oauth-authorization-server`
const ENDPOINT = `${ISSUER}/introspect`

/** All members of RFC 7662 §2.2. */
const members = {
  active: true,
  scope: 'notes:read notes:write',
  client_id: 'client-1',
  username: 'ada',
  token_type: 'Bearer',
  exp: NOW + 600,
  iat: NOW - 10,
  nbf: NOW - 10,
  sub: 'user-1',
  aud: RESOURCE,
  iss: ISSUER,
  jti: 'jti-1',
}

const expected = { issuer: ISSUER, subject: 'user-1', clientId: 'client-1', scopes: ['notes:read', 'notes:write'] }

/** Only `true` is active. An answer that does not say so or otherwise is none (RFC 7662 §2.2: REQUIRED, a boolean). */
const active: ChangeFamily[] = bad(
  oneOf('active', [false], 'refused'),
  oneOf('active', [undefined, null, 'true', 'false', 1, 0, '', [], [true], {}, { active: true }], 'unknown'),
  fc.constant<Change>({
    part: 'active',
    name: 'active again, as false',
    verdict: 'refused',
    make(draft) {
      draft.spelled.push('"active":true')
      draft.claims.active = false
    },
  }),
  fc.constant<Change>({
    part: 'active',
    name: 'nothing but active: false',
    verdict: 'refused',
    make: draft => {
      draft.claims = { active: false }
    },
  }),
)

/** `iss` is optional, and compared where it is there. */
const issuer: ChangeFamily[] = [
  ...harmless(oneOf('iss', [undefined, null], 'good')),
  ...bad(
    oneOf('iss', ['', `${ISSUER}/`, ...neighborsOf(ISSUER), 'https://other.example.com', [ISSUER]], 'refused'),
    oneOf('iss', oddText, 'refused'),
  ),
]

/** A binding that is named, and not told. */
const dpop: ChangeFamily[] = bad(oneOf('token_type', ['DPoP', 'dpop'], 'refused'))

const common: readonly ChangeFamily<AnswerDraft>[] = [
  ...active,
  ...issuer,
  ...subject(),
  ...audience([RESOURCE, `${RESOURCE}/`], ['https://mcp.example.com', 'client-1']),
  ...client('client_id', 'azp'),
  ...scopes('scope'),
  ...expiry({ required: false }),
  ...beginning(),
  ...otherKinds,
  ...confirmation.filter(({ verdict }) => verdict === 'bad'),
  ...dpop,
  ...ignored('jti', 'username', 'scp', ...OPENID_CLAIMS.filter(claim => claim !== 'username' && claim !== 'jti')),
  ...unknownClaims,
  ...harmless(
    fc.constantFrom('text/plain', 'text/html', 'application/token-introspection+jwt', '').map(
      (type): Change<AnswerDraft> => ({
        part: 'headers',
        name: `as ${type}`,
        verdict: 'good',
        make: draft => {
          draft.headers['content-type'] = type
        },
      }),
    ),
    fc.constant(nested('deep', 10_000)),
  ),
  ...answers(NO_ANSWERS, 'unknown', replace),
  ...answers(
    [
      ['401', text(401)],
      ['401 with a challenge', text(401, page, { 'www-authenticate': 'Basic realm="as"' })],
      ['401 invalid_client', json(401, { error: 'invalid_client' })],
      ['400 invalid_client', json(400, { error: 'invalid_client' })],
      ['403', text(403)],
      ['404 with a page', text(404, page)],
      ['405', text(405)],
    ],
    'ours',
    replace,
  ),
]

/** Statuses by which servers refuse a token that they cannot read, or a request of ours. */
const unreadable = [
  ['400', text(400)],
  ['400 with a page', text(400, page)],
  ['400 invalid_request', json(400, { error: 'invalid_request' })],
  ['400 unsupported_token_type', json(400, { error: 'unsupported_token_type' })],
  ['400 invalid_token', json(400, { error: 'invalid_token' })],
  ['413', text(413)],
  ['422', json(422, { message: 'no' })],
] as const

function introspectionSubject(name: string, env: Record<string, string>, changes: Subject<AnswerDraft>['changes']) {
  return {
    name,
    env: {
      AUTH_PROVIDER: 'introspection',
      INTROSPECTION_METADATA_URL: METADATA,
      INTROSPECTION_CLIENT_ID: 'mcp-server',
      INTROSPECTION_CLIENT_SECRET: 'secret',
      ...env,
    },
    draft: () => answerDraft('2YotnFZFEjr1zCsicMWpAA', members, expected),
    changes,
    present: draft => ({
      token: draft.token,
      endpoints: {
        [METADATA]: () => Response.json({ issuer: ISSUER, introspection_endpoint: ENDPOINT }),
        [ENDPOINT]: answerOf(draft),
      },
    }),
  } satisfies Subject<AnswerDraft>
}

/** The first token after the start: a refusal of the request may as well be a mistake in the settings. */
export const introspection = introspectionSubject('introspection', {}, [
  ...common,
  ...harmless(oneOf('token_type', [undefined, null, 'Bearer', 'bearer', 'access_token'], 'good')),
  ...answers(unreadable, 'ours', replace),
])

/** Where every answer about an access token has `token_type`, as at Okta: others may be about refresh tokens. */
export const introspectionOfKind = introspectionSubject(
  'introspection, with token_type',
  { INTROSPECTION_REQUIRE_TOKEN_TYPE: 'true' },
  [
    ...common.map(({ verdict, arbitrary }) => ({
      verdict,
      arbitrary: arbitrary.filter(({ part, verdict }) => part !== 'token_type' || verdict !== 'good'),
    })),
    // Another member may say as well that the token is an access token.
    ...bad(
      oneOf('token_type', [undefined, null, 'N_A', 'refresh_token'], 'refused', { also: ['token_use', 'token_usage'] }),
    ),
  ],
)

/** An endpoint that has answered before refuses the token, not this server. */
export const introspectionLater: Subject<AnswerDraft> = {
  ...introspectionSubject('introspection, later', {}, [
    ...active,
    ...audience([RESOURCE]),
    ...ignored(...OPENID_CLAIMS),
    ...unknownClaims,
    ...answers(unreadable, 'refused', replace),
    ...answers(NO_ANSWERS, 'unknown', replace),
    ...answers(
      [
        ['401', text(401)],
        ['400 invalid_client', json(400, { error: 'invalid_client' })],
        ['404', text(404)],
      ],
      'ours',
      replace,
    ),
  ]),
  warm: true,
  present(draft) {
    const presented = introspection.present(draft)
    const answer = answerOf(draft)
    // What it is asked about besides is nobody's token.
    const endpoint: Answer = init =>
      String(init?.body).includes(draft.token) ? answer() : Response.json({ active: false })
    return { ...presented, endpoints: { ...presented.endpoints, [ENDPOINT]: endpoint } }
  },
}

/** Claims that point to a person, whatever they say. */
const PERSONAL = [
  'username',
  'preferred_username',
  'cognito:username',
  'upn',
  'unique_name',
  'email',
  'name',
  'nickname',
  'given_name',
  'family_name',
  'phone_number',
  'sid',
  'auth_time',
  'user_name',
  'user_id',
  'uid',
  'login',
] as const

/** Tokens without subject are the client's own, unless they point to a person; then client ids are subjects. */
export const introspectionOfClients: Subject<AnswerDraft> = {
  ...introspectionSubject(
    'introspection, for two clients',
    { INTROSPECTION_CLIENT_IDS: 'client-1, client-2', INTROSPECTION_TOKENS_WITHOUT_SUBJECT: 'client' },
    [
      ...active,
      ...issuer,
      ...audience([RESOURCE]),
      ...harmless(
        oneOf('sub', [undefined, null], 'good'),
        oneOf('sub', ['client-1'], 'good', { expected: { subject: 'client-1', principalType: 'service' } }),
        fc
          .constantFrom('user-1', 'client-3')
          .map(sub => set('sub', sub, 'good', { expected: { subject: sub, principalType: 'user' } })),
        fc
          .tuple(fc.constantFrom(...PERSONAL), fc.constantFrom(undefined, null, 'client-1'))
          .map(([claim, value]) => set(claim, value, 'good', { part: 'sub' })),
      ),
      ...bad(
        oneOf('sub', oddText, 'refused'),
        oneOf('sub', ['', 'client-2'], 'refused'),
        fc.tuple(fc.constantFrom(...PERSONAL), fc.constantFrom<unknown>('ada', '', 0, false, {}, 'client-2')).map(
          ([claim, value]): Change => ({
            part: 'sub',
            name: `no sub, and ${claim} is ${JSON.stringify(value)}`,
            verdict: 'refused',
            make: draft => void draft.spelled.push(`${JSON.stringify(claim)}:${JSON.stringify(value)}`),
          }),
        ),
        oneOf('client_id', ['client-3', 'CLIENT-1', undefined, null, '', 7, ['client-1']], 'refused'),
      ),
      ...ignored('jti', 'groups', 'roles', 'scp', 'azp'),
      ...unknownClaims,
    ],
  ),
  draft: () =>
    answerDraft(
      '2YotnFZFEjr1zCsicMWpAA',
      { ...members, sub: undefined, username: undefined },
      {
        ...expected,
        subject: 'client-1',
        principalType: 'service',
      },
    ),
}

const ORG = 'https://acme.okta.com'

/** The members that Okta answers about a token of the org, whose audience is the whole org: only the client binds it. */
export const oktaOrg: Subject<AnswerDraft> = {
  name: 'okta, introspected',
  env: {
    AUTH_PROVIDER: 'okta',
    OKTA_METADATA_URL: `${ORG}/.well-known/openid-configuration`,
    OKTA_CLIENT_IDS: 'native, desktop',
    OKTA_INTROSPECTION_CLIENT_ID: 'mcp-server',
    OKTA_INTROSPECTION_CLIENT_SECRET: 'secret',
  },
  draft: () =>
    answerDraft(
      'eyJraWQiOiJ1bnB1Ymxpc2hlZCJ9.e30.c2ln',
      {
        active: true,
        token_type: 'Bearer',
        scope: 'openid notes:read',
        client_id: 'native',
        username: 'ada@example.com',
        exp: NOW + 3600,
        iat: NOW - 10,
        sub: 'ada@example.com',
        aud: ORG,
        iss: ORG,
        jti: 'AT.1',
        uid: '00u1abcd2EFGH3ijk4x7',
      },
      { issuer: ORG, subject: '00u1abcd2EFGH3ijk4x7', clientId: 'native', scopes: ['openid', 'notes:read'] },
    ),
  changes: [
    ...active,
    ...subject('uid'),
    ...audience([ORG], [RESOURCE, `${ORG}/oauth2/default`]),
    ...listedClient('client_id', ['native', 'desktop']),
    ...scopes('scope'),
    ...expiry({ required: false }),
    ...beginning(),
    ...bad(
      oneOf('token_type', [undefined, null, 'DPoP', 'refresh_token', 'N_A', '', 7], 'refused'),
      oneOf('iss', [`${ORG}/`, `${ORG}/oauth2/default`, 'https://other.okta.com', 7], 'refused'),
      oneOf('jti', ['ID.1'], 'refused'),
      oneOf('act', [{ sub: 'agent' }, {}], 'refused'),
    ),
    ...ignored('username', 'sub', 'device_id', 'auth_time'),
    ...unknownClaims,
    ...answers(NO_ANSWERS, 'unknown', replace),
    ...answers(
      [
        ['401', json(401, { error: 'invalid_client' })],
        ['404', text(404)],
      ],
      'ours',
      replace,
    ),
  ],
  present: draft => ({
    token: draft.token,
    endpoints: {
      [`${ORG}/.well-known/openid-configuration`]: () =>
        Response.json({ issuer: ORG, introspection_endpoint: `${ORG}/oauth2/v1/introspect` }),
      [`${ORG}/oauth2/v1/introspect`]: answerOf(draft),
    },
  }),
}
