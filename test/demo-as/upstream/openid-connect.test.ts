import { describe, expect, it } from 'vitest'
import { people } from '../../../adapters/people.ts'
import { createOpenIdUpstream, type OpenIdUpstreamOptions } from '../../../demo-as/upstream/openid-connect.ts'
import {
  UpstreamBehindError,
  UpstreamMisconfiguredError,
  UpstreamUnavailableError,
} from '../../../demo-as/upstream/upstream.ts'
import { createAzureEmulator } from '../../../emulators/azure.ts'
import type { Outage } from '../../../emulators/core/emulator.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import { CLIENT, ORIGIN, type Setup, start } from './openid-connect-setup.ts'
import { identifyAt, keep, OPENID, REQUEST, sessionOf } from './support.ts'

describe('an upstream by OpenID Connect', () => {
  it('signs somebody in, by a name that no other provider can give', async () => {
    const { identify } = start()
    expect(await identify()).toMatchObject({
      outcome: 'signed_in',
      user: { subject: 'oidc:id.example.com:1', username: 'ada@corp.com', name: 'Ada', scopes: ['notes:read'] },
    })
  })

  it('sends state, nonce and an S256 challenge, and no resource', async () => {
    const { url } = await start().signIn()
    expect(url.searchParams.get('state')).toBe(REQUEST.state)
    expect(url.searchParams.get('nonce')).toMatch(/^.{20,}$/)
    expect(url.searchParams.get('code_challenge_method')).toBe('S256')
    expect(url.searchParams.get('scope')).toBe('openid profile email offline_access')
    expect(url.searchParams.has('resource')).toBe(false)
  })

  it('leaves - and . of its credentials alone where the provider takes Basic only, and does not decode it', async () => {
    const sent: string[] = []
    const client = { ...CLIENT, clientId: 'bridge-1.a', clientSecret: 's-_.* %' }
    const provider = createOidcEmulator({ origin: ORIGIN, clients: [client] })
    const { upstream } = start({
      ...client,
      async fetch(input, init) {
        const request = new Request(input, init)
        const basic = request.headers.get('authorization')
        if (basic) sent.push(atob(basic.replace('Basic ', '')))
        const response = await provider.fetch(request)
        if (!request.url.includes('/.well-known/')) return response
        const document = (await response.json()) as object
        return Response.json({ ...document, token_endpoint_auth_methods_supported: ['client_secret_basic'] })
      },
    })
    await identifyAt(upstream, provider).catch(() => {})
    expect(sent).toEqual(['bridge-1.a:s-_.*+%25'])
  })

  it('keeps the refresh token, and neither access token nor ID token', async () => {
    const { identify } = start()
    const session = sessionOf(await identify())
    expect(session).toMatchObject({ refreshToken: expect.any(String) })
    expect(JSON.stringify(session)).not.toMatch(/"eyJ[\w-]+\.eyJ/)
  })

  it('authenticates by a header where the provider takes no other, encoded as far as has to be', async () => {
    const client = { clientId: 'the-bridge_1.a*', clientSecret: 'a secret: 100% ü+' }
    const { upstream, authorizations } = start({ ...client, methods: ['client_secret_basic'] })
    const { memory } = await upstream.depart(REQUEST)
    const answer = new URLSearchParams({ code: 'the-code', state: REQUEST.state, iss: ORIGIN })
    await expect(upstream.identify(answer, { ...REQUEST, memory, keep })).rejects.toBeInstanceOf(
      UpstreamMisconfiguredError,
    )
    const [scheme, credentials = ''] = authorizations[0]?.split(' ') ?? []
    expect(scheme).toBe('Basic')
    expect(Buffer.from(credentials, 'base64').toString()).toBe('the-bridge_1.a*:a+secret%3A+100%25+%C3%BC%2B')
  })

  /** A provider at which the client is registered for one method, and which lists `methods`. */
  async function signInsWith(registered: 'form' | 'header', methods?: readonly string[], clientSecret?: string) {
    const provider = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT] })
    const used: string[] = []
    const { upstream } = start({
      clientSecret: clientSecret ?? CLIENT.clientSecret,
      async fetch(input, init) {
        const request = new Request(input, init)
        if (request.url.includes('/.well-known/')) {
          const document = (await (await provider.fetch(request)).json()) as object
          return Response.json({ ...document, token_endpoint_auth_methods_supported: methods })
        }
        if (!/\/(token|revoke)$/.test(request.url)) return provider.fetch(request)
        used.push(request.headers.has('authorization') ? 'header' : 'form')
        if (used.at(-1) === registered) return provider.fetch(request)
        // Some spend the code of a request whose client they refuse (better-auth).
        const form = new URLSearchParams(await request.clone().text())
        form.delete('client_secret')
        const { clientId, clientSecret: secret } = CLIENT
        const authorization = `Basic ${btoa(`${clientId}:${secret}`)}`
        await provider.fetch(new Request(request.url, { method: 'POST', body: form, headers: { authorization } }))
        return Response.json({ error: 'invalid_client' }, { status: 401 })
      },
    })
    return { used, signIn: () => identifyAt(upstream, provider) }
  }
  const BOTH = ['client_secret_basic', 'client_secret_post']

  it.each([BOTH, undefined])('finds out that the form is refused before a code is at stake: %j', async methods => {
    const { used, signIn } = await signInsWith('header', methods)
    expect(await signIn()).toMatchObject({ outcome: 'signed_in' })
    expect(await signIn()).toMatchObject({ outcome: 'signed_in' })
    expect(used).toEqual(['form', 'header', 'header', 'header'])
  })

  it('does not try what the provider does not list', async () => {
    const { used, signIn } = await signInsWith('form', ['client_secret_basic'])
    await expect(signIn()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
    expect(used).toEqual(['header'])
  })

  it('says that its secret is wrong where both are refused, and starts with the form again', async () => {
    const { used, signIn } = await signInsWith('form', BOTH, 'wrong')
    await expect(signIn()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
    await expect(signIn()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
    expect(used).toEqual(['form', 'header', 'form', 'header', 'form', 'header'])
  })

  /** The authorization request, where the metadata says something else. */
  async function requestAt(metadata: object, setup: Setup = {}, another = false) {
    const provider = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT] })
    const { upstream } = start({
      ...setup,
      async fetch(input, init) {
        const document = (await (await provider.fetch(input, init)).json()) as object
        return Response.json({ ...document, ...metadata })
      },
    })
    const { searchParams } = new URL((await upstream.depart({ ...REQUEST, another })).url)
    return { scope: searchParams.get('scope'), prompt: searchParams.get('prompt') }
  }

  it.each([
    [['openid', 'email', 'notes:read'], 'openid email'],
    [['notes:read'], 'openid'],
    [[], 'openid'],
    [undefined, 'openid profile email offline_access'],
  ])('asks for no scope that the provider does not list: %j', async (scopes_supported, expected) => {
    expect((await requestAt({ scopes_supported })).scope).toBe(expected)
  })

  it('asks for scopes that the operator names, listed or not', async () => {
    const { scope } = await requestAt({ scopes_supported: ['openid'] }, { scopes: ['groups'] })
    expect(scope).toBe('openid groups')
  })

  it('asks for consent with offline_access, and for another account where a person wants one', async () => {
    expect((await requestAt({})).prompt).toBe('consent')
    expect((await requestAt({}, {}, true)).prompt).toBe('login consent')
    expect((await requestAt({ scopes_supported: ['openid'] })).prompt).toBeNull()
    expect((await requestAt({ prompt_values_supported: ['none', 'login'] })).prompt).toBeNull()
    expect((await requestAt({}, { preset: people.okta.signIn })).prompt).toBeNull()
    expect((await requestAt({}, { preset: people.google.signIn }, true)).prompt).toBe('select_account consent')
  })
})

describe('further parameters of the authorization request', () => {
  async function requestWith(setup: Setup, another = false) {
    return new URL((await start(setup).upstream.depart({ ...REQUEST, another })).url).searchParams
  }

  it('are sent, and change nothing that the bridge sets itself', async () => {
    const parameters = {
      domain_hint: 'corp.com',
      acr_values: 'mfa strong',
      claims: '{"id_token":{"acr":{"essential":true,"values":["mfa","strong"]}}}',
      organization: 'org_1',
      state: 'mine',
      scope: 'x',
    }
    const sent = await requestWith({ parameters })
    expect(Object.fromEntries(sent)).toMatchObject({
      domain_hint: 'corp.com',
      acr_values: 'mfa strong',
      claims: parameters.claims,
      organization: 'org_1',
      state: REQUEST.state,
      scope: 'openid profile email offline_access',
    })
  })

  it('add to what has to be asked, each word once', async () => {
    const parameters = { prompt: 'select_account consent' }
    expect((await requestWith({ parameters })).get('prompt')).toBe('select_account consent')
    expect((await requestWith({ parameters }, true)).get('prompt')).toBe('login select_account consent')
    expect((await requestWith({ parameters, preset: people.okta.signIn })).get('prompt')).toBe('select_account consent')
  })

  it('hint at nobody where the person wants another account', async () => {
    const parameters = { login_hint: 'ada@corp.com' }
    expect((await requestWith({ parameters })).get('login_hint')).toBe('ada@corp.com')
    expect((await requestWith({ parameters }, true)).has('login_hint')).toBe(false)
  })

  it('with max_age let nobody in whose sign-in is older', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    const parameters = { max_age: '600' }
    expect(await start({ parameters, claims: { auth_time: seconds } }).identify()).toMatchObject({
      outcome: 'signed_in',
    })
    const old = start({ parameters, claims: { auth_time: seconds - 3600 } })
    expect(await old.identify()).toMatchObject({ outcome: 'nobody' })
    expect(await start({ parameters }).identify()).toMatchObject({ outcome: 'nobody' })
  })
})

describe('a provider that gives no refresh token', () => {
  it('is told to the operator, once, with what to do', async () => {
    const events: [string, unknown][] = []
    const log = (event: string, facts: unknown) => void events.push([event, facts])
    const { identify } = start({ log, preset: { ...people.oidc.signIn, scopes: ['openid'] } })
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    await identify()
    const reason = expect.stringMatching(/every 3600 seconds \(BRIDGE_MAX_AGE_SECONDS\).*offline_access/)
    expect(events).toEqual([['upstream_without_refresh_token', { reason }]])
  })

  it('is not suspected where it gives one', async () => {
    const events: string[] = []
    await start({ log: event => void events.push(event) }).identify()
    expect(events).toEqual([])
  })
})

describe('a key that the provider replaced', () => {
  it('is fetched for the sign-in and for the refresh that come with it', async () => {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    provider.keys.rotate('gone')
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'signed_in' })
    provider.keys.rotate('gone')
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
  })

  it('is fetched for the refresh that comes with it where it has the id of the one before', async () => {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    const { kid } = provider.keys.current
    provider.keys.rotate('gone')
    Object.assign(provider.keys.current, { kid })
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'signed_in' })
  })

  it('is not fetched again while it is known', async () => {
    const { asked, identify } = start()
    await identify()
    await identify()
    expect(asked.filter(path => path.includes('jwks') || path.includes('keys'))).toHaveLength(1)
  })

  it('and is not published yet says nothing about a person', async () => {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    const { kid } = provider.keys.rotate('gone')
    provider.keys.publishAlso({ kty: 'RSA', kid: 'another', use: 'sig', n: 'AQAB', e: 'AQAB' })
    provider.keys.withdraw(kid)
    await expect(upstream.recheck?.(session, keep)).rejects.toBeInstanceOf(UpstreamBehindError)
    await expect(identify()).rejects.toBeInstanceOf(UpstreamBehindError)
  })
})

describe('metadata of the provider', () => {
  /** A provider that moves its token endpoint, and an upstream that has been there before. */
  async function moved(now: { hours: number }) {
    const provider = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT], users: [{ login: 'ada', id: '1' }] })
    const state = { endpoint: '/token', isDown: false, asked: 0 }
    const { upstream } = start({
      now: () => Date.now() + now.hours * 3600_000,
      maxAgeSeconds: 1_000_000,
      async fetch(input, init) {
        const request = new Request(input, init)
        const { pathname } = new URL(request.url)
        if (pathname.startsWith('/.well-known/')) {
          state.asked++
          if (state.isDown) return new Response('', { status: 503 })
          const metadata = (await (await provider.fetch(request)).json()) as object
          return Response.json({ ...metadata, token_endpoint: ORIGIN + state.endpoint })
        }
        if (!pathname.startsWith('/token')) return provider.fetch(request)
        if (pathname !== state.endpoint) return new Response('<p>Not Found</p>', { status: 404 })
        return provider.fetch(new Request(`${ORIGIN}/token`, request))
      },
    })
    const session = sessionOf(await identifyAt(upstream, provider))
    return { state, recheck: async () => upstream.recheck?.(session, keep) }
  }

  it('is read again after an hour, so that a moved endpoint is found without a restart', async () => {
    const now = { hours: 0 }
    const { state, recheck } = await moved(now)
    state.endpoint = '/token/v2'
    await expect(recheck()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
    now.hours = 1.1
    expect(await recheck()).toMatchObject({ outcome: 'signed_in' })
    const { asked } = state
    expect(await recheck()).toMatchObject({ outcome: 'signed_in' })
    expect(state.asked).toBe(asked)
  })

  it('is used on while it cannot be read', async () => {
    const now = { hours: 0 }
    const { state, recheck } = await moved(now)
    state.isDown = true
    now.hours = 1.1
    expect(await recheck()).toMatchObject({ outcome: 'signed_in' })
  })
})

describe('nobody is signed in by', () => {
  const FOREIGN = 'What came back does not belong to this sign-in, so it was not used.'

  it.each<[string, string | RegExp, Setup]>([
    [
      'an ID token with the nonce of another sign-in',
      'id_token_claim_mismatch (nonce)',
      { claims: { nonce: 'other' } },
    ],
    ['an ID token without nonce', /^answer_invalid \(.*nonce.*missing\)$/, { claims: { nonce: undefined } }],
    ['an ID token of another issuer', 'id_token_claim_mismatch (iss)', { claims: { iss: 'https://evil.example' } }],
    ['an ID token for another client', 'id_token_claim_mismatch (aud)', { claims: { aud: 'other-client' } }],
    [
      'an ID token for several clients that names another as its party',
      'id_token_claim_mismatch (azp)',
      { claims: { aud: ['bridge', 'x'], azp: 'x' } },
    ],
    ['an ID token that is over', 'id_token_time_mismatch (exp)', { claims: { exp: 1_000 } }],
    ['an ID token that somebody else signed', /^answer_invalid \(.*signature.*\)$/, { foreignKey: true }],
  ])('%s', async (_label, reason, setup) => {
    const found = await start(setup).identify()
    expect(found).toMatchObject({
      outcome: 'nobody',
      words: FOREIGN,
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    })
  })

  it.each(['other-client', '', 7, ['bridge']])('an ID token whose azp is %j', async azp => {
    const reason = 'the ID token was issued to another client (azp)'
    expect(await start({ claims: { azp } }).identify()).toEqual({ outcome: 'nobody', words: FOREIGN, reason })
  })

  it.each(['bridge', undefined, null])('but by one whose azp is %j', async azp => {
    expect(await start({ claims: { azp } }).identify()).toMatchObject({ outcome: 'signed_in' })
  })

  it.each<[string, (answer: URLSearchParams) => void]>([
    ['another state', answer => answer.set('state', 'other')],
    ['no state', answer => answer.delete('state')],
    ['the iss of another provider', answer => answer.set('iss', 'https://evil.example')],
    ['a code that the provider did not give', answer => answer.set('code', 'made-up')],
    ['no code', answer => answer.delete('code')],
    ['a refusal', answer => answer.set('error', 'access_denied')],
  ])('an answer with %s', async (_label, change) => {
    const { upstream, signIn } = start()
    const { answer, memory } = await signIn()
    change(answer)
    expect(await upstream.identify(answer, { ...REQUEST, memory, keep })).toMatchObject({ outcome: 'nobody' })
  })

  it('a code whose challenge was another', async () => {
    const { upstream, signIn } = start()
    const [one, other] = [await signIn(), await signIn()]
    expect(await upstream.identify(one.answer, { ...REQUEST, memory: other.memory, keep })).toMatchObject({
      outcome: 'nobody',
      reason: 'invalid_grant',
    })
  })

  it('a code that was used', async () => {
    const { upstream, signIn } = start()
    const { answer, memory } = await signIn()
    await upstream.identify(answer, { ...REQUEST, memory, keep })
    expect(await upstream.identify(answer, { ...REQUEST, memory, keep })).toMatchObject({ outcome: 'nobody' })
  })
})

describe('a person whom the provider does not identify', () => {
  const PRESETS = ['google', 'azure', 'auth0', 'okta', 'oidc'] as const
  const EMPTY = { sub: '', oid: '', tid: '' }
  const rules = { allow: ['everyone'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] }

  it.each(PRESETS)('is nobody at %s when the ID token has an empty subject', async name => {
    const { identify } = start({ preset: people[name].signIn, claims: EMPTY, rules })
    expect(await identify()).toMatchObject({ outcome: 'nobody', reason: 'the ID token does not say who it is' })
  })

  it.each(PRESETS)('is nobody at %s when the ID token has none, or one that is no text', async name => {
    for (const value of [undefined, null, 7, ['1'], {}]) {
      const { identify } = start({ preset: people[name].signIn, claims: { sub: value, oid: value, tid: value }, rules })
      expect(await identify()).toMatchObject({ outcome: 'nobody' })
    }
  })

  it.each([[{}], [{ sub: '' }], [{ sub: null }], [{ sub: 1 }], [{ sub: ['1'] }], [{ sub: '2' }]])(
    'is nobody when userinfo says %j',
    async userInfo => {
      expect(await start({ userInfo }).identify()).toMatchObject({ outcome: 'nobody' })
    },
  )

  it('is not asked about at userinfo when the ID token has an empty subject', async () => {
    const { identify, asked } = start({ claims: { sub: '' }, userInfo: { sub: '' } })
    expect(await identify()).toMatchObject({ outcome: 'nobody' })
    expect(asked).not.toContain('/userinfo')
  })

  it('is somebody when userinfo says the same', async () => {
    const { identify, asked } = start({ userInfo: { sub: '1', groups: ['staff'] } })
    expect(await identify()).toMatchObject({ outcome: 'signed_in', user: { subject: 'oidc:id.example.com:1' } })
    expect(asked).toContain('/userinfo')
  })

  it('is nobody when a refresh has an empty subject', async () => {
    const claims: { sub?: string } = {}
    const { upstream, identify } = start({ claims })
    const session = sessionOf(await identify())
    claims.sub = ''
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody' })
  })
})

describe('a provider that is down', () => {
  const outages: [string, Outage][] = [
    ['answers 503', { kind: 'status', status: 503 }],
    ['answers 429', { kind: 'status', status: 429 }],
    ['answers 502 with a page', { kind: 'status', status: 502, headers: { 'content-type': 'text/html' }, body: '<p>' }],
    ['closes the connection', { kind: 'reset' }],
  ]

  it.each(outages)('and %s is no refusal of a person who signed in', async (_label, outage) => {
    const { provider, upstream, signIn } = start()
    const { answer, memory } = await signIn()
    const recover = provider.fail(outage)
    await expect(upstream.identify(answer, { ...REQUEST, memory, keep })).rejects.toThrow(UpstreamUnavailableError)
    recover()
    expect(await upstream.identify(answer, { ...REQUEST, memory, keep })).toMatchObject({ outcome: 'signed_in' })
  })

  it.each(outages)('and %s is no refusal of a person who is asked about', async (_label, outage) => {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    const recover = provider.fail(outage)
    await expect(upstream.recheck?.(session, keep)).rejects.toThrow(UpstreamUnavailableError)
    recover()
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'signed_in' })
  })

  it('at the first request is asked again at the next', async () => {
    const { provider, upstream } = start()
    provider.fail({ kind: 'status', status: 503, times: 1 })
    await expect(upstream.depart(REQUEST)).rejects.toThrow(UpstreamUnavailableError)
    await expect(upstream.depart(REQUEST)).resolves.toMatchObject({ url: expect.stringContaining(ORIGIN) })
  })

  it('and says so in the browser is no refusal', async () => {
    const answer = new URLSearchParams({ state: REQUEST.state, error: 'temporarily_unavailable' })
    const { upstream, signIn } = start()
    const { memory } = await signIn()
    await expect(upstream.identify(answer, { ...REQUEST, memory, keep })).rejects.toThrow(UpstreamUnavailableError)
  })
})

describe('a bridge that is not set up right', () => {
  it('is told from persons who may not enter, when its secret is wrong', async () => {
    const { identify } = start({ clientSecret: 'wrong' })
    await expect(identify()).rejects.toThrow(UpstreamMisconfiguredError)
  })

  it('is told from persons who may not enter, when the provider has another issuer', async () => {
    const { upstream } = start({ metadataUrl: `${ORIGIN}/other/.well-known/openid-configuration` })
    await expect(upstream.depart(REQUEST)).rejects.toThrow(UpstreamMisconfiguredError)
  })
})

describe('Entra ID for several tenants', () => {
  const [HOME, OTHER] = ['3f2504e0-4f89-41d3-9a0c-0305e82c3301', '7c9e6679-7425-40de-944b-e07fc1f90ae7']

  async function signIn(login: string) {
    const provider = createAzureEmulator({ origin: 'https://login.microsoftonline.com', clients: [CLIENT] })
    const { upstream } = start({
      preset: people.azure.signIn,
      metadataUrl: 'https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration',
      fetch: provider.fetch,
      rules: { allow: [`tenant:${HOME}`], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] },
    })
    return identifyAt(upstream, provider, login)
  }

  it('signs in people of a tenant that may enter, by tid and oid', async () => {
    expect(await signIn('ada@contoso.example')).toMatchObject({
      outcome: 'signed_in',
      user: { subject: `azure:${HOME}:690222be-ff1a-4d56-abd1-7e4f7d38e474` },
    })
  })

  it('keeps out people of another tenant', async () => {
    const refused = await signIn('finn@fabrikam.example')
    expect(refused).toMatchObject({ outcome: 'not_allowed', reason: expect.stringContaining(OTHER) })
  })
})

describe('an upstream that is asked at another URL than its issuer', () => {
  const inside = 'http://keycloak:8080'
  const provider = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT] })
  const asked: string[] = []
  const fetchInside: typeof fetch = (input, init) => {
    const url = String(input)
    const { origin, pathname } = new URL(url)
    if (pathname.startsWith('/.well-known/')) asked.push(origin)
    return provider.fetch(url.replace(inside, ORIGIN), init)
  }
  const upstream = (options: Partial<OpenIdUpstreamOptions>) =>
    createOpenIdUpstream({
      ...OPENID,
      metadataUrl: inside,
      clientId: CLIENT.clientId,
      clientSecret: CLIENT.clientSecret,
      fetch: fetchInside,
      ...options,
    })

  it.each([inside, `${inside}/.well-known/openid-configuration`])(
    'sends people to its public URL: %s',
    async metadataUrl => {
      asked.length = 0
      const { url } = await upstream({ metadataUrl, issuer: ORIGIN }).depart({ ...REQUEST, another: false })
      expect(url).toMatch(`${ORIGIN}/authorize?`)
      expect(asked).toEqual([inside])
    },
  )

  it('must be the one that is named, byte for byte', async () => {
    const other = upstream({ issuer: `${ORIGIN}/` })
    await expect(other.depart({ ...REQUEST, another: false })).rejects.toThrow(UpstreamMisconfiguredError)
  })
})
