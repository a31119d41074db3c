import { describe, expect, it } from 'vitest'
import { event, ISSUER, RESOURCE, requests, type Watch, watch } from './records.ts'

/** The steps of a sign-in in their order. */
const SIGN_IN: readonly [name: string, ask: (w: Watch) => void][] = [
  ['challenge', w => requests.challenge(w)],
  ['resource_metadata', w => requests.resourceMetadata(w)],
  ['server_metadata', w => requests.serverMetadata(w)],
  ['registration', w => requests.registration(w, 'c1')],
  ['authorization', w => requests.authorization(w, 'c1', 'f1')],
  ['consent', w => requests.page(w, 'f1')],
  ['return', w => requests.back(w, 'f1')],
  ['token', w => requests.token(w, 'c1')],
]

/** As far as a step, and nothing after it. */
function upTo(step: string, options = {}): Watch {
  const w = watch(options)
  for (const [name, ask] of SIGN_IN) {
    ask(w)
    if (name === step) break
  }
  return w
}

describe('a watcher', () => {
  it('shows a whole sign-in as one attempt, from discovery to the first call, and says nothing of silence after it', () => {
    const w = upTo('token')
    for (const method of ['initialize', 'tools/list', 'tools/call']) requests.call(w, 'c1', method)
    w.silence(3_600)
    expect(w.stepsOf(1)).toEqual([
      'mcp',
      'resource_metadata',
      'server_metadata',
      'registration',
      'authorization',
      'consent',
      'return',
      'token',
      'mcp',
      'mcp',
      'mcp',
    ])
    expect(w.steps().at(-1)).toMatchObject({
      attempt: 1,
      client: 'Files client',
      asked: 'POST /mcp tools/call list_files',
      answered: 'accepted (files:read)',
    })
    expect(w.stops()).toEqual([])
  })

  it.each([
    ['challenge', 30, 'silent_after_challenge', /knows no OAuth/],
    ['resource_metadata', 30, 'silent_after_resource_metadata', /nothing came there: it cannot reach/],
    ['server_metadata', 30, 'silent_after_server_metadata', /waits for its user/],
    ['registration', 30, 'silent_after_registration', /opened no browser/],
    ['authorization', 120, 'silent_after_person', /The browser shows a page/],
    ['consent', 120, 'silent_after_person', /The browser shows a page/],
    ['return', 30, 'silent_after_return', /http:\/\/localhost:8766 with a code.*nothing listens there any more/],
    ['token', 30, 'silent_after_token', /does not call the server/],
  ])('says after %s what it means that nothing comes for %i s', (step, seconds, code, means) => {
    const w = upTo(step)
    w.silence(seconds - 1)
    expect(w.stops()).toEqual([])
    w.silence(1)
    expect(w.stops()).toEqual([
      expect.objectContaining({ attempt: 1, code, silent_seconds: seconds, means: expect.stringMatching(means) }),
    ])
    w.silence(3_600)
    expect(w.stops()).toHaveLength(1)
  })

  it('says what the specification expects next', () => {
    const w = upTo('resource_metadata')
    expect(w.steps().map(({ next }) => next)).toEqual([
      'GET https://mcp.example.com/prm',
      `GET the metadata of ${ISSUER}`,
    ])
  })

  it('goes on with an attempt that had stopped', () => {
    const w = upTo('consent')
    w.silence(200)
    requests.back(w, 'f1')
    expect(w.steps().at(-1)).toMatchObject({ attempt: 1, step: 'return' })
    w.silence(30)
    expect(w.stops().map(({ code }) => code)).toEqual(['silent_after_person', 'silent_after_return'])
  })

  it.each([
    [{ connected: false }, 'resource_metadata', /does not write to this socket/, /same AUTH_WATCH/],
    [{ registers: false }, 'server_metadata', /may not register here.*no metadata document/, /REGISTRATION=on/],
    [{ registers: false, readsDocuments: false }, 'server_metadata', /CIMD=off/, /AUTH_CLIENTS_FILE/],
  ])('knows of a server with %j what stops a client after %s', (options, step, means, fix) => {
    const w = upTo(step, options)
    w.silence(30)
    expect(w.stops()).toEqual([
      expect.objectContaining({ means: expect.stringMatching(means), fix: expect.stringMatching(fix) }),
    ])
  })

  it('says where a client has to go that signs in at a provider, which is not seen', () => {
    const w = watch()
    requests.challenge(w)
    requests.resourceMetadata(w, { issuers: ['https://tenant.eu.auth0.com/'] })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({
      means: expect.stringContaining('https://tenant.eu.auth0.com/, which is not seen'),
    })
  })

  it('names a web page whose browser keeps the answer from it', () => {
    const w = watch()
    requests.challenge(w, { agent: 'Mozilla/5.0 Chrome', origin: 'https://app.example' })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({
      code: 'silent_after_challenge',
      means: expect.stringContaining('The web page at https://app.example'),
    })
  })

  it('says that a preflight was answered and nothing came', () => {
    const w = watch()
    w.resource({ method: 'OPTIONS', status: 204, agent: 'Mozilla/5.0', origin: 'https://app.example' })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({
      code: 'silent_after_preflight',
      means: expect.stringContaining('https://app.example'),
    })
  })

  it('says that a client looks for the metadata where it is not', () => {
    const w = watch()
    requests.challenge(w)
    w.resource({
      place: 'resource_metadata',
      method: 'GET',
      path: '/.well-known/oauth-protected-resource/other',
      status: undefined,
    })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({ code: 'silent_after_wrong_path', after: expect.stringContaining('/other') })
  })
})

describe('a watcher says at once why', () => {
  it.each<[string, (w: Watch) => void, string, RegExp]>([
    [
      'a client cannot register',
      w => {
        const refused = event('registration_refused', {
          error: 'invalid_client_metadata',
          description: 'redirect_uris: x',
        })
        w.server({ place: 'registration', method: 'POST', status: 400, events: [refused] })
      },
      'invalid_client_metadata',
      /registered itself with cannot be accepted.*redirect_uris: x/,
    ],
    [
      'registration is off',
      w => w.server({ place: 'registration', method: 'POST', status: 404 }),
      'status_404',
      /may not register here/,
    ],
    [
      'a redirect URI is not registered',
      w =>
        w.server({
          place: 'authorization',
          status: 400,
          agent: 'Mozilla/5.0',
          query: { client_id: 'c1' },
          events: [event('authorization_refused', { error: 'invalid_redirect_uri', description: 'x' }, 'c1')],
        }),
      'invalid_redirect_uri',
      /did not register/,
    ],
    [
      'a resource is unknown',
      w =>
        w.server({
          place: 'authorization',
          status: 303,
          query: { client_id: 'c1' },
          error: 'invalid_target',
          agent: 'Mozilla',
        }),
      'invalid_target',
      /a server that this authorization server does not know/,
    ],
    [
      'the person says no',
      w => requests.page(w, 'f1', { method: 'POST', status: 303, events: [event('consent_refused', {}, 'c1')] }),
      'consent_refused',
      /said no/,
    ],
    [
      'the person may not sign in',
      w =>
        w.server({
          place: 'signed_in',
          status: 403,
          flows: ['f1'],
          events: [event('sign_in_refused', { outcome: 'not_allowed' }, 'c1')],
        }),
      'not_allowed',
      /no rule lets them in/,
    ],
    [
      'the verifier is another one',
      w =>
        requests.token(w, 'c1', {
          status: 400,
          events: [
            event(
              'token_refused',
              { error: 'invalid_grant', detail: 'code_verifier does not match code_challenge' },
              'c1',
            ),
          ],
        }),
      'invalid_grant',
      /PKCE/,
    ],
    [
      'the client is forgotten',
      w => requests.token(w, 'c1', { status: 401, events: [event('token_refused', { error: 'invalid_client' })] }),
      'invalid_client',
      /does not know this client id/,
    ],
    [
      'a token is for another server',
      w =>
        w.resource({
          status: 401,
          credentials: 'Bearer',
          reason: { kind: 'audience_mismatch', expected: RESOURCE, actual: 'https://other.example/mcp' },
        }),
      'audience_mismatch',
      /The token is for another server\. \(expected .*actual https:\/\/other/,
    ],
    [
      'the host is not served',
      w => w.resource({ status: 403, reason: { kind: 'host_not_served', host: 'evil.example' } }),
      'host_not_served',
      /evil\.example/,
    ],
    [
      'there were too many requests',
      w => w.server({ place: 'registration', method: 'POST', status: 429 }),
      'status_429',
      /too many requests/,
    ],
  ])('%s', (_name, ask, code, means) => {
    const w = upTo('consent')
    ask(w)
    expect(w.stops()).toEqual([
      expect.objectContaining({ code, means: expect.stringMatching(means), see: expect.stringMatching(/^docs\//) }),
    ])
    expect(w.steps().every(({ attempt }) => attempt === 1)).toBe(true)
  })

  it('the document of a client cannot be fetched', () => {
    const w = upTo('server_metadata')
    const clientId = 'https://claude.ai/oauth/claude-code-client-metadata'
    requests.authorization(w, clientId, 'f1', {
      status: 400,
      events: [event('client_document_refused', { url: clientId, error: 'invalid_client', reason: 'ENOTFOUND' })],
    })
    expect(w.stops()).toEqual([
      expect.objectContaining({
        attempt: 1,
        client: 'Claude Code',
        means: expect.stringMatching(/metadata document.*ENOTFOUND/),
      }),
    ])
  })

  it('does not take a form without a tick for a stop', () => {
    const w = upTo('consent')
    requests.page(w, 'f1', { method: 'POST', status: 422 })
    expect(w.stops()).toEqual([])
  })
})

describe('a client that is signed in', () => {
  function signedIn(): Watch {
    const w = upTo('token')
    requests.call(w, 'c1')
    return w
  }

  it('is expected to ask for more scopes after a 403', () => {
    const w = signedIn()
    requests.call(w, 'c1', 'tools/call', {
      status: 403,
      reason: { kind: 'scope_missing', required: 'files:write', granted: 'files:read' },
      challenge: { scope: 'files:read files:write', error: 'insufficient_scope' },
    })
    expect(w.steps().at(-1)).toMatchObject({ next: 'an authorization request for files:read files:write' })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({
      code: 'silent_after_step_up',
      fix: expect.stringContaining('AUTH_SIGN_IN_SCOPES'),
    })
  })

  it('is expected to refresh after its token expired, and may be silent after it did', () => {
    const w = signedIn()
    w.resource({ status: 401, credentials: 'Bearer', reason: { kind: 'expired' } })
    requests.token(w, 'c1', {
      events: [event('token_issued', { grantType: 'refresh_token', scope: 'files:read' }, 'c1')],
    })
    expect(w.steps().at(-1)).toMatchObject({ attempt: 1, step: 'refresh' })
    w.silence(3_600)
    expect(w.stops()).toEqual([])
  })

  it('has stopped when it does not', () => {
    const w = signedIn()
    w.resource({ status: 401, credentials: 'Bearer', reason: { kind: 'expired' } })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({ code: 'silent_after_refused_token' })
  })

  it('has its calls counted', () => {
    const w = signedIn()
    const operation = { method: 'tools/call', name: 'list_files' }
    w.write({ type: 'calls', at: w.now(), resource: RESOURCE, caller: 7, client_id: 'c1', operation, count: 12 })
    expect(w.events.at(-1)).toMatchObject({ event: 'calls', attempt: 1, operation: 'tools/call list_files', count: 12 })
  })

  it('is forgotten when 200 others have come since, its token as well', () => {
    const w = signedIn()
    for (let index = 0; index < 200; index++) requests.challenge(w, { agent: `client-${index}/1.0` })
    const operation = { method: 'tools/call', name: 'list_files' }
    w.write({ type: 'calls', at: w.now(), resource: RESOURCE, caller: 7, client_id: 'c1', operation, count: 12 })
    expect(w.events.map(({ event }) => event)).not.toContain('calls')
  })
})

describe('requests are put together to attempts', () => {
  it('of two clients at once that say who they are', () => {
    const w = watch()
    const [claude, cursor] = [{ agent: 'claude-code/2.1.332 (cli)' }, { agent: 'Cursor/1.9' }]
    for (const who of [claude, cursor]) requests.challenge(w, who)
    for (const who of [cursor, claude]) requests.resourceMetadata(w, who)
    for (const who of [cursor, claude]) requests.serverMetadata(w, who)
    requests.registration(w, 'c2', cursor)
    requests.registration(w, 'c1', claude)
    requests.authorization(w, 'c1', 'f1')
    requests.authorization(w, 'c2', 'f2')
    requests.back(w, 'f2')
    requests.token(w, 'c2', { agent: 'Cursor/1.9' })
    requests.call(w, 'c2', 'tools/call', cursor)
    expect(w.stepsOf(1)).toEqual(['mcp', 'resource_metadata', 'server_metadata', 'registration', 'authorization'])
    expect(w.stepsOf(2)).toEqual([
      'mcp',
      'resource_metadata',
      'server_metadata',
      'registration',
      'authorization',
      'return',
      'token',
      'mcp',
    ])
    expect(w.steps()[0]).toMatchObject({ client: 'Claude Code 2.1.332' })
    w.silence(120)
    expect(w.stops().map(({ attempt }) => attempt)).toEqual([1])
  })

  it('of two clients at once that say nothing, by their connections', () => {
    const w = watch()
    for (const connection of [1, 2]) requests.challenge(w, { connection })
    // The second one must not take over the first one's place: both are node on one machine.
    expect(w.steps().map(({ attempt }) => attempt)).toEqual([1, 1])
    requests.resourceMetadata(w, { connection: 1 })
    expect(w.stepsOf(1)).toHaveLength(3)
  })

  it('of a client whose parts have different User-Agents', () => {
    const w = watch()
    requests.challenge(w, { agent: 'claude-code/2.1.332 (cli)' })
    requests.resourceMetadata(w, { agent: 'Bun/1.4.6' })
    requests.serverMetadata(w, { agent: 'Bun/1.4.6' })
    requests.authorization(w, 'https://claude.ai/oauth/claude-code-client-metadata', 'f1')
    w.silence(120)
    expect(w.stepsOf(1)).toEqual(['mcp', 'resource_metadata', 'server_metadata', 'authorization'])
    expect(w.stops()).toHaveLength(1)
  })

  it('of the machines of a client that runs in a cloud', () => {
    const w = watch()
    requests.challenge(w, { agent: 'Claude-User', address: '160.79.106.35' })
    requests.resourceMetadata(w, { agent: 'Claude-User', address: '160.79.106.36' })
    expect(w.stepsOf(1)).toHaveLength(2)
  })

  it('of another machine as another attempt', () => {
    const w = watch()
    requests.challenge(w)
    requests.challenge(w, { address: '10.0.0.2' })
    expect(w.steps().map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  it('of one machine, whichever way it writes its own address', () => {
    const w = watch()
    requests.challenge(w, { address: '::1' })
    requests.resourceMetadata(w, { address: '::ffff:127.0.0.1' })
    requests.serverMetadata(w, { address: '127.0.0.1' })
    expect(w.stepsOf(1)).toHaveLength(3)
  })

  it('of a client that begins when another one is through', () => {
    const w = upTo('token')
    requests.call(w, 'c1')
    requests.challenge(w)
    requests.resourceMetadata(w)
    requests.serverMetadata(w)
    requests.registration(w, 'c2')
    requests.call(w, 'c1')
    expect(w.stepsOf(2)).toEqual(['mcp', 'resource_metadata', 'server_metadata', 'registration'])
    expect(w.steps().at(-1)).toMatchObject({ attempt: 1 })
  })

  it('of a client that looks without its token before each start', () => {
    const w = upTo('token')
    requests.call(w, 'c1', 'tools/call', { connection: 1 })
    requests.challenge(w, { connection: 2 })
    expect(w.steps().at(-1)).toMatchObject({ attempt: 2 })
    requests.call(w, 'c1', 'initialize', { connection: 3 })
    expect(w.events.find(({ event }) => event === 'same_client')).toMatchObject({ attempt: 2, as: 1 })
    expect(w.steps().at(-1)).toMatchObject({ attempt: 1 })
    w.silence(60)
    expect(w.stops()).toEqual([])
  })

  it('and metadata that is read for nothing is no attempt', () => {
    const w = watch()
    requests.serverMetadata(w)
    w.silence(60)
    expect(w.steps()).toEqual([])
    expect(w.stops()).toEqual([])
  })

  it('and shows metadata that was read first with what follows', () => {
    const w = watch()
    requests.serverMetadata(w)
    requests.registration(w, 'c1')
    expect(w.stepsOf(1)).toEqual(['server_metadata', 'registration'])
  })

  it('and requests of our own servers to one another are none of a client', () => {
    const w = watch()
    requests.challenge(w)
    requests.resourceMetadata(w)
    requests.serverMetadata(w, { agent: 'idplug' })
    w.silence(30)
    expect(w.stops()[0]).toMatchObject({ code: 'silent_after_resource_metadata' })
  })

  it('and a page that nobody asked for here is none of a client', () => {
    const w = watch()
    requests.page(w, 'f9')
    w.server({ place: 'elsewhere', path: undefined, status: 404 })
    expect(w.steps()).toEqual([])
  })
})

it('forgets the oldest of many attempts', () => {
  const w = watch()
  for (let index = 0; index < 300; index++) requests.challenge(w, { address: `10.1.${index >> 8}.${index & 255}` })
  w.silence(30)
  expect(w.stops()).toHaveLength(200)
})

it('says when a server stops to write', () => {
  const w = watch()
  w.watcher.gone(2, w.now())
  expect(w.events.at(-1)).toEqual({ event: 'server_gone', at: w.now(), server: ISSUER })
})
