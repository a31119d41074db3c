import { describe, expect, it } from 'vitest'
import { people } from '../../../adapters/people.ts'
import type { OpenIdUpstreamOptions } from '../../../demo-as/upstream/openid-connect.ts'
import {
  type Identification,
  UpstreamMisconfiguredError,
  UpstreamUnavailableError,
} from '../../../demo-as/upstream/upstream.ts'
import type { OptionalMember } from '../../../emulators/core/optional-members.ts'
import { createOidcEmulator, type OidcUser } from '../../../emulators/oidc.ts'
import { CLIENT, ORIGIN, start } from './openid-connect-setup.ts'
import { identifyAt, keep, sessionOf } from './support.ts'

describe('a person who is asked about again', () => {
  it('who was removed is nobody', async () => {
    const { upstream, users, identify } = start()
    const session = sessionOf(await identify())
    users.length = 0
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody', reason: 'invalid_grant' })
  })

  it('who left the group may not enter', async () => {
    const rules = { allow: ['group:staff'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] }
    const { upstream, users, identify } = start({ rules })
    const session = sessionOf(await identify())
    ;(users[0] as { claims: object }).claims = { groups: [] }
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'not_allowed' })
  })

  it('is somebody until the sign-in is too old, where there is no refresh token', async () => {
    const preset = { ...people.oidc.signIn, scopes: ['openid'] }
    const { upstream, clock, identify } = start({ preset })
    const session = sessionOf(await identify())
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'signed_in' })
    clock.now += 3600_000
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody' })
  })

  it('is nobody once the session was ended', async () => {
    const { upstream, identify } = start()
    const session = sessionOf(await identify())
    await upstream.end?.(session)
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody' })
  })
})

describe('a refresh without an ID token', () => {
  const rules = { allow: ['group:staff'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] }
  const claims = { email: 'ada@corp.com', email_verified: true, groups: ['staff'] }

  /** @param omit - Besides the ID token of refreshes. */
  async function signedIn(omit: OptionalMember[] = [], preset: OpenIdUpstreamOptions['preset'] = people.oidc.signIn) {
    const users: OidcUser[] = [{ login: 'ada', id: '1', claims }]
    const clock = { now: Date.now() }
    const provider = createOidcEmulator({
      origin: ORIGIN,
      clients: [CLIENT],
      users,
      now: () => clock.now,
      rotateRefreshTokens: true,
    })
    provider.vary({ omit: ['refresh.id_token', ...omit] })
    const { upstream } = start({ preset, fetch: provider.fetch, rules, now: () => clock.now })
    let session = sessionOf(await identifyAt(upstream, provider))
    const recheck = async () => {
      const identified = await upstream.recheck?.(session, keep)
      if (identified?.outcome === 'signed_in') session = identified.session
      return identified?.outcome
    }
    const become = (changed: object) => void Object.assign(users[0] as object, { claims: changed })
    return { provider, users, clock, recheck, become, upstream, session }
  }

  it.each([[{ ...claims, groups: [] }], [{ email: 'ada@corp.com', email_verified: true }]])(
    'is judged by userinfo, where somebody who left the group has %j',
    async changed => {
      const { recheck, become } = await signedIn()
      expect(await recheck()).toBe('signed_in')
      become(changed)
      expect(await recheck()).toBe('not_allowed')
    },
  )

  it('is judged by userinfo the first time, too', async () => {
    const { recheck, become } = await signedIn()
    become({})
    expect(await recheck()).toBe('not_allowed')
  })

  it('lets nobody in for longer than the maximum age by what the ID token said, where there is no userinfo', async () => {
    const { recheck, become, clock } = await signedIn(['discovery.userinfo_endpoint'])
    become({})
    clock.now += 3599_000
    expect(await recheck()).toBe('signed_in')
    clock.now += 1_000
    expect(await recheck()).toBe('nobody')
  })

  it('lets nobody in for longer than that by a group of which userinfo says nothing', async () => {
    const { recheck, clock } = await signedIn(['userinfo.groups'])
    clock.now += 3599_000
    expect(await recheck()).toBe('signed_in')
    clock.now += 1_000
    expect(await recheck()).toBe('nobody')
  })

  it.each<OptionalMember[][]>([
    [[]],
    // No rule goes by these.
    [['userinfo.email', 'userinfo.email_verified']],
  ])('lets somebody in for as long as userinfo says what rules go by: without %j', async omit => {
    const { recheck, clock } = await signedIn(omit)
    for (let hour = 0; hour < 10; hour++) {
      clock.now += 3500_000
      expect(await recheck()).toBe('signed_in')
    }
  })

  it('asks userinfo also where sign-ins do not', async () => {
    const { recheck, become } = await signedIn([], { ...people.oidc.signIn, userInfo: false })
    become({ ...claims, groups: [] })
    expect(await recheck()).toBe('not_allowed')
  })

  it('is nobody when userinfo is about somebody else', async () => {
    const { recheck, become } = await signedIn()
    become({ ...claims, sub: '2' })
    expect(await recheck()).toBe('nobody')
  })

  it('keeps the refresh token that it was given while userinfo is down', async () => {
    const { provider, upstream, session } = await signedIn()
    const recover = provider.fail({ kind: 'status', path: '/userinfo', status: 503 })
    let kept: unknown
    const recheck = upstream.recheck?.(session, async next => {
      kept = next
    })
    await expect(recheck).rejects.toBeInstanceOf(UpstreamUnavailableError)
    expect(kept).toMatchObject({ refreshToken: expect.any(String) })
    recover()
    expect(await upstream.recheck?.(kept, keep)).toMatchObject({ outcome: 'signed_in' })
  })

  it.each([401, 403, 404])('goes by the maximum age where userinfo answers %d', async status => {
    const { provider, recheck, clock } = await signedIn()
    provider.fail({ kind: 'status', path: '/userinfo', status })
    expect(await recheck()).toBe('signed_in')
    clock.now += 3600_000
    expect(await recheck()).toBe('nobody')
  })
})

describe('what a provider says to a refresh', () => {
  /** The answer of the token endpoint to a refresh. */
  async function recheckAnswered(status: number, body: string | object, headers: Record<string, string> = {}) {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const type: Record<string, string> = typeof body === 'string' ? {} : { 'content-type': 'application/json' }
    provider.fail({ kind: 'status', path: '/token', status, body: text, headers: { ...type, ...headers } })
    return upstream.recheck?.(session, keep)
  }
  const challenge = (value: string) => ({ 'www-authenticate': value })
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
  const UAA = challenge('Basic realm="UAA/client", error="unauthorized", error_description="Bad credentials"')

  it.each<[string, number, string | object, Record<string, string>?]>([
    ['invalid_grant', 400, { error: 'invalid_grant' }],
    ['invalid_request (LemonLDAP::NG 2.16.1)', 400, { error: 'invalid_request' }],
    ['400 with an empty body (Glewlwyd 2.7.5)', 400, ''],
    ['401 with an empty body', 401, ''],
    ['403 with an empty body', 403, ''],
    ['403 with a code, in a page', 403, '{"error":"invalid_grant"}', { 'content-type': 'text/html' }],
    ['invalid_grant as plain text', 400, '{"error":"invalid_grant"}', { 'content-type': 'text/plain' }],
    ['invalid_grant, with a challenge', 401, { error: 'invalid_grant' }, challenge('Basic realm="x"')],
    ['a challenge that holds the code', 400, '', challenge('Bearer error="invalid_token"')],
    ['interaction_required', 400, { error: 'interaction_required', error_description: 'AADSTS50076: MFA' }],
    ['login_required', 400, { error: 'login_required' }],
    ['consent_required', 400, { error: 'consent_required' }],
    ['access_denied', 403, { error: 'access_denied' }],
    ['invalid_grant in a form', 400, 'error=invalid_grant', FORM],
    ['invalid_grant, whatever the status', 404, { error: 'invalid_grant' }],
    ['a refusal by status 200 (Zoho)', 200, { error: 'invalid_code' }],
    ['a refusal by status 200 (Slack)', 200, { ok: false, error: 'invalid_refresh_token' }],
    ['a code of its own (Supabase)', 400, { code: 400, error_code: 'refresh_token_not_found', msg: 'Not Found' }],
    ['a code of a framework that is built by hand', 401, { statusCode: 401, error: 'Unauthorized', message: 'gone' }],
  ])('ends access by %s', async (_label, status, body, headers) => {
    expect(await recheckAnswered(status, body, headers)).toMatchObject({ outcome: 'nobody' })
  })

  it.each<[string, number, string | object, Record<string, string>?]>([
    ['invalid_client', 401, { error: 'invalid_client' }],
    ['invalid_client, by status 400 (LemonLDAP::NG 2.16.1)', 400, { error: 'invalid_client' }],
    ['invalid_client, with a challenge', 401, { error: 'invalid_client' }, challenge('Basic realm="x"')],
    ['a Basic challenge alone', 401, '', challenge('Basic realm="x"')],
    ['unauthorized_client', 400, { error: 'unauthorized_client' }],
    ['a page of a firewall, 403', 403, '<html>Just a moment...</html>', { 'content-type': 'text/html; charset=UTF-8' }],
    ['a page of a proxy, 404', 404, '<html>not here</html>', { 'content-type': 'text/html' }],
    ['405 with an empty body', 405, ''],
    // Not what refuses a refresh token: an API gateway, a web framework, or another place than that of the endpoint.
    ['JSON of a gateway, 403 (Amazon API Gateway)', 403, { message: 'Forbidden' }],
    ['text of a gateway, 403 (Envoy)', 403, 'RBAC: access denied', { 'content-type': 'text/plain' }],
    ['a page of a gateway, 401', 401, '<html>Sign in</html>', { 'content-type': 'text/html' }],
    ['403 of a framework (Spring)', 403, { timestamp: 1, status: 403, error: 'Forbidden', path: '/token' }],
    ['404 of a framework (NestJS)', 404, { statusCode: 404, error: 'Not Found', message: 'Cannot POST /token' }],
    ['404 after a move (Keycloak 17)', 404, { error: 'RESTEASY003210: Could not find resource for full path: …' }],
    ['404 without the realm (Keycloak 26)', 404, { error: 'Realm does not exist' }],
    ['405 of a framework', 405, { status: 405, error: 'Method Not Allowed' }],
    // Refused clients, by other spellings.
    ['an unknown client (Okta)', 401, { errorCode: 'invalid_client', errorSummary: 'Invalid value for client_id' }],
    ['invalid_client, by status 200', 200, { error: 'invalid_client' }],
    ['invalid_client in a form', 400, 'error=invalid_client&error_description=x', FORM],
    ['invalid_client one level down', 400, { error: { code: 'invalid_client', message: 'unknown client' } }],
    ['bad credentials (UAA)', 401, { error: 'unauthorized', error_description: 'Bad credentials' }, UAA],
    [
      'the same by a Basic challenge (Spring)',
      401,
      { error: 'Unauthorized', status: 401 },
      challenge('Basic realm="o"'),
    ],
  ])('is about the bridge by %s', async (_label, status, body, headers) => {
    await expect(recheckAnswered(status, body, headers)).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
  })

  it.each<[string, number, string | object, Record<string, string>?]>([
    ['408', 408, ''],
    ['429', 429, { error: 'invalid_grant' }],
    ['503 with invalid_grant', 503, { error: 'invalid_grant' }],
    ['temporarily_unavailable', 400, { error: 'temporarily_unavailable' }],
    ['temporarily_unavailable in a form', 400, 'error=temporarily_unavailable', FORM],
    ['a wish to be asked later', 403, { error: 'too_many_requests' }, { 'retry-after': '30' }],
    ['the same without a code', 400, '', { 'retry-after': '30' }],
    ['too_many_requests', 400, { error: 'too_many_requests' }],
    ['a rate limit, by status 200 (Slack)', 200, { ok: false, error: 'ratelimited' }],
    ['a failure inside, by status 200', 200, { error: 'internal_error' }],
  ])('is an outage by %s', async (_label, status, body, headers) => {
    await expect(recheckAnswered(status, body, headers)).rejects.toBeInstanceOf(UpstreamUnavailableError)
  })

  it.each([
    { id_token: null },
    { id_token: '' },
    { refresh_token: null },
    { refresh_token: '' },
    { scope: null },
    { scope: ['openid'] },
    { expires_in: null },
    { expires_in: 'soon' },
    { expires_in: -1 },
  ])('says nothing by a member that is empty or of no use: %j', async odd => {
    const provider = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT], users: [{ login: 'ada', id: '1' }] })
    const { upstream } = start({
      async fetch(input, init) {
        const request = new Request(input, init)
        const isRefresh = (await request.clone().text()).includes('grant_type=refresh_token')
        const response = await provider.fetch(request)
        return isRefresh && response.ok ? Response.json({ ...((await response.json()) as object), ...odd }) : response
      },
    })
    let session = sessionOf(await identifyAt(upstream, provider))
    for (let i = 0; i < 2; i++) {
      session = sessionOf((await upstream.recheck?.(session, keep)) as Identification)
      expect(session).toMatchObject({ refreshToken: expect.stringMatching(/.{20}/) })
    }
  })

  it('says nothing where the keys are refused', async () => {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    provider.keys.rotate('gone')
    provider.fail({ kind: 'status', path: '/jwks', status: 404 })
    await expect(upstream.recheck?.(session, keep)).rejects.toBeInstanceOf(Error)
  })
})
