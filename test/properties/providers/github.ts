import fc from 'fast-check'
import { bad, harmless, ignored, oneOf, set, unknownClaims } from '../changes/claims.ts'
import { answers, json, NO_ANSWERS, page, text } from '../changes/endpoints.ts'
import type { Change, ChangeFamily, Subject } from '../draft.ts'
import { anyJson, NOW } from '../values.ts'
import { type AnswerDraft, answerDraft, answerOf, replace } from './answers.ts'

const CLIENT = 'Iv1.8a61f9b3a7aba766'
const CHECK = `https://api.github.com/applications/${CLIENT}/token`
const ISSUER = 'https://github.com/login/oauth'

/** https://docs.github.com/en/rest/apps/oauth-applications#check-a-token */
const members = {
  id: 1,
  url: 'https://api.github.com/authorizations/1',
  scopes: ['read:user'],
  token: 'ghu_16C7e42F292c6912E7710c838347Ae178B4a',
  token_last_eight: '8B4a8B4a',
  hashed_token: '25f94a2a5c7fbaf499c665bc73d67c1c87e496da8985131633ee0a95819db2e8',
  app: { url: 'http://my-github-app.com', name: 'Notes', client_id: CLIENT },
  note: null,
  note_url: null,
  updated_at: '2026-10-31T20:39:23Z',
  created_at: '2026-10-31T17:26:27Z',
  fingerprint: null,
  expires_at: '2026-11-01T08:00:00Z',
  user: { login: 'ada', id: 7, type: 'User', site_admin: false },
  installation: null,
}

const expected = { issuer: ISSUER, subject: '7', clientId: CLIENT, scopes: ['notes:read', 'notes:write'] }

const isoOf = (seconds: number) => new Date(seconds * 1000).toISOString()

const expiry: ChangeFamily[] = [
  ...harmless(
    oneOf('expires_at', [undefined, null], 'good'),
    fc
      .constantFrom(NOW + 1, NOW, NOW - 4, NOW + 28_800)
      .map(exp => set('expires_at', isoOf(exp), 'good', { expected: { expiresAt: exp } })),
    oneOf('expires_at', ['2026-11-01T08:00:00+01:00', '2026-11-01T01:00:00.000Z'], 'good'),
  ),
  ...bad(
    oneOf('expires_at', [NOW - 5, NOW - 6, 0, NOW - 86_400].map(isoOf), 'refused'),
    oneOf('expires_at', ['', 'never', NOW + 60, 0, true, false, {}, [], '2026-13-01T00:00:00Z', 'null'], 'refused'),
    oneOf('expires_at', [[isoOf(NOW + 600)], { date: isoOf(NOW + 600) }], 'refused'),
  ),
]

const within = (
  claim: 'app' | 'user',
  member: string,
  value: unknown,
  verdict: Change['verdict'],
  part: string = claim,
): Change => ({
  part,
  name: `${claim}.${member} is ${value === undefined ? 'absent' : JSON.stringify(value)}`,
  verdict,
  make: draft => {
    draft.claims[claim] = { ...(draft.claims[claim] as object), [member]: value }
  },
})

const account: ChangeFamily[] = bad(
  fc
    .constantFrom<unknown>(undefined, null, 0, -1, -7, 1.5, '7', '', true, [7], {}, 2 ** 53, JSON.rawJSON('1e999'))
    .map(id => within('user', 'id', id, 'refused')),
  oneOf('user', [undefined, null, 7, 'ada', [], {}, [{ id: 7 }]], 'refused'),
)

const app: ChangeFamily[] = bad(
  fc
    .constantFrom<unknown>(undefined, null, '', 'Iv1.other', CLIENT.toUpperCase(), ` ${CLIENT}`, [CLIENT], 7, {
      id: CLIENT,
    })
    .map(id => within('app', 'client_id', id, 'refused')),
  oneOf('app', [undefined, null, CLIENT, [], {}, [{ client_id: CLIENT }]], 'refused'),
)

/** Other tokens and secrets, which the check endpoint is not shown. */
const otherTokens: ChangeFamily<AnswerDraft>[] = bad(
  fc
    .constantFrom(
      'ghp_1',
      'github_pat_1',
      'ghs_1',
      'ghr_1',
      'GHO_1',
      'gh_1',
      'a',
      'eyJhbGciOiJSUzI1NiJ9.e30.c2ln',
      'b'.repeat(39),
      'B'.repeat(40),
      `gho_${'a'.repeat(2045)}`,
      'gho_ä',
      '',
    )
    .map(
      (token): Change<AnswerDraft> => ({
        part: 'endpoint',
        name: `the token ${token.slice(0, 20)}`,
        verdict: 'refused',
        make: draft => {
          draft.token = token
        },
      }),
    ),
)

const endpoint: readonly ChangeFamily<AnswerDraft>[] = [
  ...answers(NO_ANSWERS, 'unknown', replace),
  ...answers(
    [
      ['422', json(422, { message: 'Validation Failed' })],
      [
        '403 above the rate limit',
        text(403, '', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW + 60) }),
      ],
      ['403 with Retry-After', text(403, '', { 'retry-after': '60' })],
      ['200 about nothing', json(200, { message: 'OK' })],
      // Of a proxy, or of a server that is not GitHub's API.
      ['404 with a page', text(404, page)],
    ],
    'unknown',
    replace,
  ),
  ...answers([['404', json(404, { message: 'Not Found' })]], 'refused', replace),
  ...answers(
    [
      ['401', json(401, { message: 'Bad credentials' })],
      ['403', text(403, page)],
      ['400', text(400)],
      ['451', text(451)],
    ],
    'ours',
    replace,
  ),
]

function githubSubject(name: string, env: Record<string, string>, changes: Subject<AnswerDraft>['changes']) {
  return {
    name,
    env: {
      AUTH_PROVIDER: 'github',
      GITHUB_CLIENT_ID: CLIENT,
      GITHUB_CLIENT_SECRET: 'secret',
      GITHUB_GRANT_SCOPES: 'notes:read notes:write',
      GITHUB_GRANT_TO: 'everyone',
      ...env,
    },
    draft: () => answerDraft('ghu_16C7e42F292c6912E7710c838347Ae178B4a', members, expected),
    changes,
    present: draft => ({ token: draft.token, endpoints: { [CHECK]: answerOf(draft) } }),
  } satisfies Subject<AnswerDraft>
}

export const github = githubSubject('github', {}, [
  ...expiry,
  ...account,
  ...app,
  ...harmless(
    fc.integer({ min: 1, max: 2 ** 53 - 1 }).map((id): Change => {
      const { make, ...change } = within('user', 'id', id, 'good')
      return {
        ...change,
        make(draft) {
          make(draft)
          Object.assign(draft.expected, { subject: String(id) })
        },
      }
    }),
    fc
      .tuple(fc.constantFrom('login', 'type', 'site_admin', 'node_id', 'x'), anyJson)
      .map(([member, value]) => within('user', member, value, 'good')),
    fc
      .tuple(fc.constantFrom('url', 'name', 'x'), anyJson)
      .map(([member, value]) => within('app', member, value, 'good')),
    fc
      .constantFrom(
        'gho_16C7e42F292c6912E7710c838347Ae178B4a',
        'ghu_1',
        `gho_${'a'.repeat(200)}`,
        '0123456789abcdef0123456789abcdef01234567',
      )
      .map(
        (token): Change<AnswerDraft> => ({
          part: 'endpoint',
          name: `the token ${token.slice(0, 20)}`,
          verdict: 'good',
          make: draft => {
            draft.token = token
          },
        }),
      ),
  ),
  // None of them is read: not even those that would mean something elsewhere.
  ...ignored(
    'id',
    'url',
    'scopes',
    'note',
    'note_url',
    'updated_at',
    'created_at',
    'fingerprint',
    'installation',
    'active',
    'exp',
    'aud',
    'nbf',
    'cnf',
    'sub',
    'iss',
  ),
  ...unknownClaims,
  ...otherTokens,
  ...endpoint,
])

const forPeople = githubSubject(
  'github, for two people',
  { GITHUB_ALLOW: '7, user:8', GITHUB_GRANT_SCOPES: 'notes:read', GITHUB_GRANT_TO: 'user:7' },
  [
    ...account,
    ...harmless(
      fc.constant(within('user', 'login', 'somebody', 'good', 'login')),
      fc.constant<Change>({
        part: 'user',
        name: 'the other one',
        verdict: 'good',
        make(draft) {
          draft.claims.user = { login: 'ben', id: 8 }
          Object.assign(draft.expected, { subject: '8', scopes: [] })
        },
      }),
    ),
    ...bad(
      fc.constantFrom(1, 70, 78, 77, 6, 800).map(id => within('user', 'id', id, 'refused')),
      fc.constant(within('user', 'id', 9, 'refused')),
    ),
    ...ignored('id', 'installation', 'scopes'),
    ...unknownClaims,
    ...endpoint,
  ],
)

/** One account may come in and read, another one may come in only. */
export const githubForPeople: Subject<AnswerDraft> = {
  ...forPeople,
  draft() {
    const draft = forPeople.draft()
    Object.assign(draft.expected, { scopes: ['notes:read'] })
    return draft
  },
}
