import { describe, expect, it } from 'vitest'
import { people } from '../../../adapters/people.ts'
import { createGithubUpstream } from '../../../demo-as/upstream/github.ts'
import { UpstreamMisconfiguredError, UpstreamUnavailableError } from '../../../demo-as/upstream/upstream.ts'
import type { Outage } from '../../../emulators/core/emulator.ts'
import { createGithubEmulator, type GithubUser } from '../../../emulators/github.ts'
import { CALLBACK, identifyAt, keep, REQUEST, sessionOf, signInAt } from './support.ts'

const ORIGIN = 'https://github.com'
const CLIENT = { clientId: 'Iv1', clientSecret: 'bridge-secret', redirectUris: [CALLBACK] }

interface Setup {
  allow?: string[]
  kind?: 'oauth' | 'github'
  secret?: string
  person?: Partial<GithubUser>
  apiUrl?: string
  parameters?: Record<string, string>
}

function start({
  allow = ['everyone'],
  kind = 'oauth',
  secret = CLIENT.clientSecret,
  person = {},
  apiUrl,
  parameters,
}: Setup = {}) {
  const users: [GithubUser] = [{ login: 'ada', id: 1001, ...person }]
  const provider = createGithubEmulator({ origin: ORIGIN, clients: [{ ...CLIENT, kind }], users })
  const upstream = createGithubUpstream({
    metadataUrl: `${ORIGIN}/.well-known/oauth-authorization-server/login/oauth`,
    clientId: CLIENT.clientId,
    clientSecret: secret,
    apiUrl,
    parameters,
    fetch: provider.fetch,
    timeoutSeconds: 5,
    personOf: people.github.signIn.personOf,
    rules: { allow, grants: [{ scopes: ['notes:read'], to: ['everyone'] }] },
  })
  return {
    provider,
    upstream,
    users: users as GithubUser[],
    signIn: () => signInAt(upstream, provider),
    identify: () => identifyAt(upstream, provider),
  }
}

describe('GitHub as upstream', () => {
  it('is sent further parameters, and no name where the person wants another account', async () => {
    const { upstream } = start({ parameters: { allow_signup: 'false', login: 'ada', state: 'mine' } })
    const sent = async (another: boolean) =>
      Object.fromEntries(new URL((await upstream.depart({ ...REQUEST, another })).url).searchParams)
    expect(await sent(false)).toMatchObject({ allow_signup: 'false', login: 'ada', state: REQUEST.state })
    expect(await sent(true)).not.toHaveProperty('login')
  })

  it('signs somebody in by the number of the account', async () => {
    expect(await start().identify()).toMatchObject({
      outcome: 'signed_in',
      user: { subject: 'github:1001', username: 'ada', scopes: ['notes:read'] },
    })
  })

  it.each(['https://github.com/api/v3', 'https://github.com/api/v3/'])('asks the API at %s', async apiUrl => {
    const { provider, identify } = start({ apiUrl })
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    expect(provider.count('/api/v3/user')).toBe(1)
  })

  it.each([0, -1, 1.5])('signs nobody in whose account has the number %d', async id => {
    await expect(start({ person: { id } }).identify()).rejects.toThrow(UpstreamMisconfiguredError)
  })

  it.each([
    [['everyone', 'user:1001'], null],
    [['org:42'], 'read:org'],
    [['@corp.com', 'group:7'], 'read:org user:email'],
  ])('asks for no more than the rules need: %j', async (allow, scope) => {
    const { url } = await start({ allow }).signIn()
    expect(url.searchParams.get('scope')).toBe(scope)
  })

  it.each<[string, Setup]>([
    ['an organization', { allow: ['org:42'], person: { organizations: [{ id: 42, login: 'acme' }] } }],
    ['a team', { allow: ['group:7'], person: { teams: [{ id: 7, slug: 'devs' }] } }],
    [
      'a verified address',
      { allow: ['@corp.com'], person: { emails: [{ email: 'ada@corp.com', verified: true, primary: false }] } },
    ],
  ])('lets in by %s', async (_label, setup) => {
    expect(await start(setup).identify()).toMatchObject({ outcome: 'signed_in' })
  })

  it.each<[string, Setup]>([
    ['of another organization', { allow: ['org:42'], person: { organizations: [{ id: 43, login: 'acme' }] } }],
    [
      'of an organization with the number for a name',
      { allow: ['org:42'], person: { organizations: [{ id: 43, login: '42' }] } },
    ],
    [
      'whose address is not verified',
      { allow: ['@corp.com'], person: { emails: [{ email: 'ada@corp.com', verified: false, primary: true }] } },
    ],
  ])('keeps out somebody %s', async (_label, setup) => {
    expect(await start(setup).identify()).toMatchObject({ outcome: 'not_allowed' })
  })

  it('takes a list that is not shown for no answer, and not for an empty one', async () => {
    const { provider, upstream, identify } = start({
      allow: ['org:42'],
      person: { organizations: [{ id: 42, login: 'acme' }] },
    })
    const session = sessionOf(await identify())
    provider.fail({ kind: 'status', path: '/user/orgs', status: 403, body: '{"message":"Resource not accessible"}' })
    await expect(upstream.recheck?.(session, keep)).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
  })

  it('sees an organization on the second page of the list', async () => {
    const organizations = Array.from({ length: 150 }, (_, id) => ({ id, login: `org-${id}` }))
    expect(await start({ allow: ['org:149'], person: { organizations } }).identify()).toMatchObject({
      outcome: 'signed_in',
    })
  })

  it.each<[string, (answer: URLSearchParams) => void]>([
    ['a made-up code', answer => answer.set('code', 'made-up')],
    ['no code', answer => answer.delete('code')],
    ['two codes', answer => answer.append('code', 'other')],
    ['a refusal', answer => answer.set('error', 'access_denied')],
    ['the iss of another server', answer => answer.set('iss', 'https://evil.example/login/oauth')],
    ['the iss of a site instead of its OAuth server', answer => answer.set('iss', 'https://github.com')],
    ['a second iss', answer => answer.append('iss', 'https://evil.example')],
  ])('signs nobody in by an answer with %s', async (_label, change) => {
    const { upstream, signIn } = start()
    const { answer, memory } = await signIn()
    change(answer)
    expect(await upstream.identify(answer, { ...REQUEST, memory, keep })).toMatchObject({ outcome: 'nobody' })
  })

  it('signs somebody in whether iss is there or not', async () => {
    const { upstream, signIn } = start()
    const { answer, memory } = await signIn()
    expect(answer.get('iss')).toBe('https://github.com/login/oauth')
    answer.delete('iss')
    expect(await upstream.identify(answer, { ...REQUEST, memory, keep })).toMatchObject({ outcome: 'signed_in' })
  })

  it('signs nobody in by a code whose challenge was another', async () => {
    const { upstream, signIn } = start()
    const [one, other] = [await signIn(), await signIn()]
    expect(await upstream.identify(one.answer, { ...REQUEST, memory: other.memory, keep })).toMatchObject({
      outcome: 'nobody',
    })
  })

  it('tells a wrong secret from persons who may not enter', async () => {
    await expect(start({ secret: 'wrong' }).identify()).rejects.toThrow(UpstreamMisconfiguredError)
  })
})

describe('while GitHub is down, nobody is refused', () => {
  const outages: [string, Outage][] = [
    ['503', { kind: 'status', status: 503 }],
    ['a closed connection', { kind: 'reset' }],
    ['the rate limit', { kind: 'status', status: 403, headers: { 'x-ratelimit-remaining': '0' } }],
    ['the secondary rate limit', { kind: 'status', status: 403, headers: { 'retry-after': '60' } }],
    [
      'the secondary rate limit without a header',
      { kind: 'status', status: 403, body: '{"message":"You have exceeded a secondary rate limit."}' },
    ],
    [
      'a page that forbids it, of a firewall',
      { kind: 'status', status: 403, body: '<p>', headers: { 'content-type': 'text/html' } },
    ],
    [
      'text that forbids it, of an API gateway',
      { kind: 'status', status: 403, body: 'Forbidden', headers: { 'content-type': 'text/plain' } },
    ],
    [
      'a page to sign in at, of a proxy',
      { kind: 'status', status: 401, body: '<p>', headers: { 'content-type': 'text/html' } },
    ],
    ['something else than JSON', { kind: 'status', status: 200, body: '<p>' }],
  ]

  it.each(outages)('at the sign-in, by %s', async (_label, outage) => {
    const { provider, upstream, signIn } = start()
    const { answer, memory } = await signIn()
    provider.fail(outage)
    await expect(upstream.identify(answer, { ...REQUEST, memory, keep })).rejects.toThrow(UpstreamUnavailableError)
  })

  it.each(outages)('afterwards, by %s', async (_label, outage) => {
    const { provider, upstream, identify } = start()
    const session = sessionOf(await identify())
    const recover = provider.fail(outage)
    await expect(upstream.recheck?.(session, keep)).rejects.toThrow(UpstreamUnavailableError)
    recover()
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'signed_in' })
  })
})

describe.each(['oauth', 'github'] as const)('somebody who is asked about again, through an app of kind %s', kind => {
  it('is still there', async () => {
    const { upstream, identify } = start({ kind })
    const again = await upstream.recheck?.(sessionOf(await identify()), keep)
    expect(again).toMatchObject({ outcome: 'signed_in', user: { subject: 'github:1001' } })
    expect(await upstream.recheck?.(again && sessionOf(again), keep)).toMatchObject({ outcome: 'signed_in' })
  })

  it('is nobody when the account is suspended, and somebody while this server may not ask from where it is', async () => {
    const { provider, upstream, identify } = start({ kind })
    const session = sessionOf(await identify())
    const forbid = (message: string) =>
      provider.fail({ kind: 'status', path: '/user', status: 403, body: JSON.stringify({ message }) })
    const recover = forbid('Although you appear to have the correct credentials, there is an IP allow list enabled.')
    await expect(upstream.recheck?.(session, keep)).rejects.toThrow(UpstreamMisconfiguredError)
    recover()
    forbid('Sorry. Your account was suspended.')
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody' })
  })

  it('is nobody when the account is gone', async () => {
    const { upstream, users, identify } = start({ kind })
    const session = sessionOf(await identify())
    users.length = 0
    expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody' })
  })
})

it('may not enter any more after leaving the organization', async () => {
  const { upstream, users, identify } = start({
    allow: ['org:42'],
    person: { organizations: [{ id: 42, login: 'acme' }] },
  })
  const session = sessionOf(await identify())
  Object.assign(users[0] as object, { organizations: [] })
  expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'not_allowed' })
})

it('ends the token at GitHub', async () => {
  const { upstream, identify } = start()
  const session = sessionOf(await identify())
  await upstream.end?.(session)
  expect(await upstream.recheck?.(session, keep)).toMatchObject({ outcome: 'nobody' })
  await expect(upstream.end?.(session)).resolves.toBeUndefined()
})
