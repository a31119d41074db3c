import { describe, expect, it } from 'vitest'
import { people } from '../../../adapters/people.ts'
import { type Refused, refusal as refusalPage } from '../../../demo-as/pages/refusal.ts'
import { createGithubUpstream } from '../../../demo-as/upstream/github.ts'
import { createOpenIdUpstream } from '../../../demo-as/upstream/openid-connect.ts'
import { providerWords } from '../../../demo-as/upstream/reasons.ts'
import type { Upstream, UpstreamError } from '../../../demo-as/upstream/upstream.ts'

const ORIGIN = 'https://id.example.com'
const SECRET = 'the-secret-of-the-bridge'
const CODE = 'the-code-of-a-sign-in'
const REQUEST = { state: 's', redirectUri: 'https://as.example/oauth/callback' }
const metadata = {
  issuer: ORIGIN,
  authorization_endpoint: `${ORIGIN}/authorize`,
  token_endpoint: `${ORIGIN}/token`,
  jwks_uri: `${ORIGIN}/jwks`,
  token_endpoint_auth_methods_supported: ['client_secret_post'],
}

/** An upstream whose token endpoint answers as the test says. */
function openId(answer: () => Response | Promise<Response>, document: object = metadata): Upstream {
  return createOpenIdUpstream({
    preset: people.oidc.signIn,
    metadataUrl: ORIGIN,
    clientId: 'bridge',
    clientSecret: SECRET,
    fetch: async input => (String(input).includes('/.well-known/') ? Response.json(document) : answer()),
    timeoutSeconds: 5,
    scopes: [],
    groupsClaim: 'groups',
    rolesClaim: 'roles',
    rules: { allow: ['everyone'], grants: [] },
    maxAgeSeconds: 3600,
    now: Date.now,
  })
}

async function identify(upstream: Upstream, query: Record<string, string> = { code: CODE }) {
  const { memory } = await upstream.depart(REQUEST)
  const answer = new URLSearchParams({ state: REQUEST.state, ...query })
  const found = upstream.identify(answer, { ...REQUEST, memory, keep: async () => {} })
  return found.catch((error: UpstreamError) => ({ outcome: error.outcome, reason: error.message, said: error.said }))
}

const refusal = (error: string, error_description?: string, status = 400) =>
  openId(() => Response.json({ error, error_description }, { status }))

describe('the reason of a provider', () => {
  it('is kept, with its words, where it does not accept the bridge', async () => {
    const words =
      'AADSTS7000222: The provided client secret keys for app 15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11 are expired.'
    const found = await identify(refusal('invalid_client', words, 401))
    expect(found).toEqual({ outcome: 'rejected_us', reason: `invalid_client: ${words}`, said: words })
  })

  it('is kept where it refuses the person', async () => {
    const query = { error: 'access_denied', error_description: 'AADSTS50105: Ada is not assigned to a role.' }
    expect(await identify(refusal(''), query)).toEqual({
      outcome: 'nobody',
      words: undefined,
      reason: 'access_denied: AADSTS50105: Ada is not assigned to a role.',
      said: 'AADSTS50105: Ada is not assigned to a role.',
    })
  })

  it('is that the sign-in is late, where it does not take the code', async () => {
    expect(await identify(refusal('invalid_grant'))).toMatchObject({
      outcome: 'nobody',
      words: 'The sign-in took too long, or was finished already.',
      reason: 'invalid_grant',
    })
  })

  it('is told without what it was sent, and without anything that may be a token', async () => {
    const long = 'eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMzQ1Njc4OTAifQ'
    const words = `code ${CODE} of client_secret ${SECRET} and ${long}.${long}.sig`
    const { reason, said } = (await identify(refusal('invalid_grant', words))) as { reason: string; said: string }
    expect(said).toBe('code … of client_secret … and ….….sig')
    expect(reason).toBe(`invalid_grant: ${said}`)
  })

  it('is one line of some length', () => {
    expect(providerWords('a\n\u202eb\tc')).toBe('a b c')
    expect(providerWords(`${'no '.repeat(200)}`)).toHaveLength(301)
    for (const nothing of ['', ' ', undefined, 7, null]) expect(providerWords(nothing)).toBeUndefined()
  })
})

describe('our own names stand for what the library finds', () => {
  it.each<[string, () => Response | Promise<Response>, string, string]>([
    ['no answer in time', () => Promise.reject(new DOMException('', 'TimeoutError')), 'away', 'timeout'],
    [
      'no connection',
      () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })),
      'away',
      'unreachable (ECONNREFUSED)',
    ],
    ['a gateway that is down', () => new Response('', { status: 502 }), 'away', 'unexpected_status (status 502)'],
    ['a page', () => new Response('<html>'), 'rejected_us', 'answer_not_json (status 200)'],
    ['a redirect', () => new Response('', { status: 302 }), 'rejected_us', 'unexpected_status (status 302)'],
  ])('%s', async (_what, answer, outcome, reason) => {
    expect(await identify(openId(answer))).toMatchObject({ outcome, reason })
  })

  it('metadata that lacks an endpoint', async () => {
    const { authorization_endpoint: _missing, ...rest } = metadata
    const upstream = openId(() => Response.json({}), rest)
    await expect(upstream.depart(REQUEST)).rejects.toThrow('metadata_incomplete (authorization_endpoint)')
  })

  it('nothing came back', async () => {
    expect(await identify(refusal(''), {})).toEqual({ outcome: 'nobody', reason: 'no_code' })
  })
})

describe('the reason of GitHub', () => {
  const github = (body: object) =>
    createGithubUpstream({
      metadataUrl: 'https://github.com',
      clientId: 'bridge',
      clientSecret: SECRET,
      fetch: async () => Response.json(body),
      timeoutSeconds: 5,
      personOf: people.github.signIn.personOf,
      rules: { allow: ['everyone'], grants: [] },
    })

  it('is kept where it does not accept the bridge', async () => {
    const error_description = 'The client_id and/or client_secret passed are incorrect.'
    const upstream = github({ error: 'incorrect_client_credentials', error_description })
    const reason = `GitHub answers incorrect_client_credentials: ${error_description}`
    expect(await identify(upstream)).toEqual({ outcome: 'rejected_us', reason, said: error_description })
  })

  it('is kept where the person said no', async () => {
    const query = { error: 'access_denied', error_description: 'The user has denied your application access.' }
    expect(await identify(github({}), query)).toMatchObject({
      outcome: 'nobody',
      reason: 'access_denied: The user has denied your application access.',
      said: 'The user has denied your application access.',
    })
  })
})

describe('the page', () => {
  const SITE = { mount: '', branding: {}, stylesheet: '/style', picture: '/icon' }
  const textOf = (refused: Refused) => refusalPage('Example ID', refused, '/again').page.render(SITE)

  it('says that somebody came back without a sign-in only where that is so', async () => {
    const came = 'You came back from Example ID without a sign-in.'
    expect(textOf({ outcome: 'nobody', reason: 'access_denied' })).toContain(came)
    const words = 'What came back does not belong to this sign-in, so it was not used.'
    const foreign = textOf({ outcome: 'nobody', reason: 'id_token_claim_mismatch (nonce)', words })
    expect(foreign).toContain(words)
    expect(foreign).not.toContain(came)
  })

  it.each(['nobody', 'rejected_us'] as const)('quotes the provider, whose words are no markup: %s', outcome => {
    const text = textOf({ outcome, reason: 'x', said: 'AADSTS50105: <b>Ada</b>' })
    expect(text).toContain('Example ID says: <q>AADSTS50105: &#60;b&#62;Ada&#60;/b&#62;</q>')
  })
})
