import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogue, type FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import type { ClientOutlook } from '../../../../app/commands/doctor/clients.ts'
import { examineServer } from '../../../../app/commands/doctor/doctor.ts'
import type { ServerTrial } from '../../../../app/commands/doctor/server.ts'
import { authorizationRequest } from '../../../../app/commands/doctor/trial.ts'
import { notes } from '../../../../app/notes/declaration.ts'
import { createLogger } from '../../../../app/observe/log.ts'
import { type Running, start } from '../../../../app/serve/start.ts'
import { loadConfiguration } from '../../../../config/load.ts'
import { signIn } from '../../../support/browser.ts'
import { freePort } from '../../../support/http.ts'
import { broken, replaced, tampered } from './world.ts'

let server: Running
beforeAll(async () => {
  const settings = { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()) }
  server = await start({
    configuration: loadConfiguration(settings, { resources: { notes } }),
    env: settings,
    logger: createLogger('silent'),
  })
})
afterAll(() => server.close())

type Fetch = typeof globalThis.fetch
interface Case {
  fetch: Fetch
  trial?: ServerTrial
}

const METADATA = '/.well-known/oauth-protected-resource/mcp'

/** Puts another answer in place of the endpoint's, by the credentials that it was sent. */
function endpoint(change: (request: Request, answer: Response) => Response | Promise<Response>): Fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const answer = await fetch(input, init)
    return new URL(request.url).pathname === '/mcp' ? change(request, answer) : answer
  }
}

/** The same, for requests without credentials. */
function unauthenticated(change: (answer: Response) => Response): Fetch {
  return endpoint((request, answer) => (request.headers.has('authorization') ? answer : change(answer)))
}

function challenged(rewrite: (challenge: string) => string | undefined): Fetch {
  return unauthenticated(answer => {
    const headers = new Headers(answer.headers)
    const challenge = rewrite(headers.get('www-authenticate') ?? '')
    if (challenge === undefined) headers.delete('www-authenticate')
    else headers.set('www-authenticate', challenge)
    return new Response(answer.body, { status: answer.status, headers })
  })
}

/** The resource metadata changed; CORS stays as it is. */
function metadata(changes: Record<string, unknown>): Fetch {
  return replaced(fetch, METADATA, async answer => {
    const body = { ...((await answer.json()) as object), ...changes }
    return Response.json(body, { headers: { 'access-control-allow-origin': '*' } })
  })
}

/** As our own server lets pages read it. */
const READABLE = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id',
}
const ok = () => Response.json({ jsonrpc: '2.0', id: 1, result: {} }, { headers: READABLE })
const carries = (token: string) => (request: Request) => request.headers.get('authorization') === `Bearer ${token}`
const isGarbage = carries('idplug-doctor')
const isUnsigned = (request: Request) => request.headers.get('authorization')?.endsWith('.') ?? false
const trial = { token: 'a-token-that-counts', tool: 'add_note' }
const isTrial = carries(trial.token)

/** Accepts the token of the trial, and answers a call of a tool as given. */
function calling(answer: () => Response, initialized = ok): Fetch {
  return endpoint(async (request, original) => {
    if (!isTrial(request)) return original
    return (await request.text()).includes('tools/call') ? answer() : initialized()
  })
}

/** Puts another answer in place of the one to a browser that asks before a request. */
function preflight(change: () => Response): Fetch {
  return endpoint((request, answer) => (request.method === 'OPTIONS' ? change() : answer))
}

/** Lets pages of every origin in, and changes what they get. */
function forPages(change: (answer: Response, request: Request) => Response, server: Fetch = fetch): Fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const isPage =
      new URL(request.url).pathname === '/mcp' && request.method === 'POST' && request.headers.has('origin')
    const headers = new Headers(request.headers)
    headers.delete('origin')
    const answer = await server(input, { ...init, headers })
    return isPage ? change(answer, request) : answer
  }
}

function without(answer: Response, name: string): Response {
  const headers = new Headers(answer.headers)
  headers.delete(name)
  return new Response(answer.body, { status: answer.status, headers })
}

const mistakes: Partial<Record<FindingCode, Case>> = {
  'server.not_ready': {
    fetch: replaced(fetch, '/ready', () => Response.json({ status: 'not ready', reason: 'stopping' }, { status: 503 })),
  },
  'server.unreachable': { fetch: broken('ECONNREFUSED') },
  'server.tls_untrusted': { fetch: broken('CERT_HAS_EXPIRED') },
  'server.open': { fetch: unauthenticated(ok) },
  'server.login_page': {
    fetch: unauthenticated(() => new Response('', { status: 302, headers: { location: 'https://sso.example.com' } })),
  },
  'server.failing': { fetch: unauthenticated(() => new Response('', { status: 404 })) },
  'server.challenge_missing': { fetch: challenged(() => undefined) },
  'server.challenge_renamed': {
    fetch: unauthenticated(answer => {
      const headers = new Headers(answer.headers)
      headers.set('x-amzn-remapped-www-authenticate', headers.get('www-authenticate') ?? '')
      headers.delete('www-authenticate')
      return new Response(answer.body, { status: answer.status, headers })
    }),
  },
  'server.preflight_refused': {
    fetch: forPages(
      answer => answer,
      preflight(() => new Response('', { status: 401 })),
    ),
  },
  'server.answer_cors_missing': {
    fetch: forPages(answer => without(answer, 'access-control-allow-origin')),
  },
  'server.session_not_exposed': {
    fetch: forPages((answer, request) => {
      if (!isTrial(request)) return answer
      const headers = { 'access-control-allow-origin': '*', 'mcp-session-id': 's' }
      return Response.json({ jsonrpc: '2.0', id: 1, result: {} }, { headers })
    }),
    trial: { token: trial.token },
  },
  'server.authorization_server_cors_missing': {
    fetch: replaced(fetch, '/oauth/token', () => new Response('', { status: 405 })),
  },
  'server.resource_metadata_missing': { fetch: challenged(() => 'Bearer scope="notes:read"') },
  'server.error_without_credentials': { fetch: challenged(text => `${text}, error="invalid_token"`) },
  'server.challenge_scope_missing': { fetch: challenged(text => text.replace(/, scope="[^"]*"/, '')) },
  'server.challenge_not_exposed': { fetch: forPages(answer => without(answer, 'access-control-expose-headers')) },
  'server.metadata_missing': { fetch: replaced(fetch, METADATA, () => new Response('', { status: 404 })) },
  'server.metadata_insecure': {
    fetch: challenged(text =>
      text.replace(/resource_metadata="[^"]*"/, 'resource_metadata="http://mcp.example.com/x"'),
    ),
  },
  'server.resource_mismatch': { fetch: metadata({ resource: 'https://mcp.example.com/mcp' }) },
  'server.resource_is_parent': {
    fetch: replaced(fetch, METADATA, async answer => {
      const body = (await answer.json()) as { resource: string }
      return Response.json({ ...body, resource: new URL(body.resource).origin }, { headers: READABLE })
    }),
  },
  'server.authorization_servers_missing': { fetch: metadata({ authorization_servers: [] }) },
  'server.scopes_missing': { fetch: metadata({ scopes_supported: undefined }) },
  'server.offline_access_listed': { fetch: metadata({ scopes_supported: ['notes:read', 'offline_access'] }) },
  'server.root_metadata_missing': {
    fetch: replaced(fetch, '/.well-known/oauth-protected-resource', () => new Response('', { status: 404 })),
  },
  'server.metadata_cors_missing': { fetch: tampered(fetch, METADATA, () => ({})) },
  'server.authorization_server_unreachable': {
    fetch: replaced(
      replaced(fetch, '/.well-known/oauth-authorization-server', () => new Response('', { status: 404 })),
      '/.well-known/openid-configuration',
      () => new Response('', { status: 404 }),
    ),
  },
  'server.authorization_server_issuer': {
    fetch: replaced(fetch, '/.well-known/oauth-authorization-server', async answer => {
      const body = (await answer.json()) as { issuer: string }
      return Response.json({ ...body, issuer: `${body.issuer}/` }, { headers: READABLE })
    }),
  },
  'server.garbage_accepted': { fetch: endpoint((request, answer) => (isGarbage(request) ? ok() : answer)) },
  'server.token_lost': {
    fetch: (input, init) => {
      const request = new Request(input, init)
      request.headers.delete('authorization')
      return fetch(request)
    },
  },
  'server.garbage_not_401': {
    fetch: endpoint((request, answer) => (isGarbage(request) ? new Response('', { status: 403 }) : answer)),
  },
  'server.bad_token_fails': {
    fetch: endpoint((request, answer) => (isUnsigned(request) ? new Response('', { status: 500 }) : answer)),
  },
  'server.bad_token_unchallenged': {
    fetch: endpoint((request, answer) => (isGarbage(request) ? without(answer, 'www-authenticate') : answer)),
  },
  'server.forged_accepted': { fetch: endpoint((request, answer) => (isUnsigned(request) ? ok() : answer)) },
  'server.token_refused': { fetch, trial: { token: 'expired-long-ago' } },
  'server.step_up_in_result': { fetch: calling(ok), trial },
  'server.step_up_without_scope': {
    fetch: calling(
      () =>
        new Response('', {
          status: 403,
          headers: { ...READABLE, 'www-authenticate': 'Bearer error="insufficient_scope"' },
        }),
    ),
    trial,
  },
}

/** Errors that clients do not meet while they sign in. */
const HARMLESS: readonly FindingCode[] = [
  'server.not_ready',
  'server.garbage_accepted',
  'server.forged_accepted',
  'server.token_refused',
  'server.step_up_in_result',
]

test('finds nothing at our own server', async () => {
  expect((await examineServer(server.resource, fetch)).findings).toEqual([])
})

test.each(Object.entries(mistakes))('finds %s, and nothing else, where that is the mistake', async (code, world) => {
  const { findings } = await examineServer(server.resource, world.fetch, world.trial)
  expect(findings.map(found => found.code)).toEqual([code])
})

test('finds nothing where pages of every origin are let in', async () => {
  const { findings } = await examineServer(
    server.resource,
    forPages(answer => answer),
  )
  expect(findings).toEqual([])
})

test.each([
  ['a status', () => new Response('', { status: 401 }), /^status 401 to OPTIONS before GET/],
  ['no origin', () => new Response(null, { status: 204 }), /no Access-Control-Allow-Origin/],
  [
    'an asterisk for Authorization',
    () =>
      new Response(null, {
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-headers': '*',
          'access-control-allow-methods': '*',
        },
      }),
    /not allowed: authorization$/,
  ],
  [
    'a method',
    () => new Response(null, { headers: { ...READABLE, 'access-control-allow-headers': '*' } }),
    /DELETE is not allowed/,
  ],
])('says what of a preflight is wrong: %s', async (_what, answer, seen) => {
  const fetch = forPages(page => page, preflight(answer))
  const { findings } = await examineServer(server.resource, fetch)
  expect(findings).toMatchObject([{ code: 'server.preflight_refused', seen: expect.stringMatching(seen) }])
})

test('sends no request to loopback that a server elsewhere names', async () => {
  const asked: string[] = []
  const hostile: Fetch = async input => {
    asked.push(String(input))
    const headers = { 'www-authenticate': 'Bearer resource_metadata="http://localhost:6379/", scope="x"' }
    return new Response('', { status: 401, headers })
  }
  const { findings } = await examineServer('https://mcp.example.com/mcp', hostile)
  expect(findings.map(({ code }) => code)).toContain('server.metadata_insecure')
  expect(asked.filter(url => url.includes('localhost'))).toEqual([])
})

const verdictsOf = (clients: readonly ClientOutlook[]) =>
  Object.fromEntries(clients.map(({ client, verdict }) => [client, verdict]))

test('says which clients cannot reach a server on this machine, and which connect', async () => {
  const { clients } = await examineServer(server.resource, fetch)
  expect(verdictsOf(clients)).toEqual({
    'claude.ai': 'fails',
    'Claude Code': 'connects',
    ChatGPT: 'fails',
    'VS Code': 'connects',
    Cursor: 'connects',
    Codex: 'connects',
    'Copilot CLI': 'connects',
    'Gemini CLI': 'connects',
    opencode: 'connects',
    'MCP Inspector': 'connects',
    'mcp-remote': 'connects',
    mcporter: 'connects',
    'a web page': 'set up',
  })
})

test('says of each statement whether it was measured, with version and date, or read, and where', async () => {
  const { clients } = await examineServer(server.resource, fetch)
  for (const { client, evidence, source } of clients) {
    // Several, where the statements were measured on different days.
    for (const each of evidence.split('; ')) {
      expect(each, client).toMatch(/^(read|measured( by hand)?, \d+\.\d+\.\d+, (\d{4}-\d\d-\d\d|\w+ \d{4}))$/)
    }
    expect(source === undefined, client).toBe(evidence !== 'read')
  }
  expect(clients.filter(({ evidence }) => evidence.startsWith('measured, ')).map(({ client }) => client)).toEqual(
    expect.arrayContaining(['Codex', 'MCP Inspector', 'mcp-remote', 'mcporter']),
  )
})

test('says where metadata leads that is not served, without the query', async () => {
  const moved = () => new Response(null, { status: 302, headers: { location: 'https://sso.example.com/login?next=x' } })
  const { findings } = await examineServer(server.resource, replaced(fetch, METADATA, moved))
  const missing = findings.find(({ code }) => code === 'server.metadata_missing')
  expect(missing?.seen).toMatch(/^status 302, which leads to https:\/\/sso\.example\.com\/login, without JSON at /)
})

test('says that what is in the way of every client was found at the server, not at the client', async () => {
  const { clients } = await examineServer(server.resource, async () => {
    throw new TypeError('fetch failed')
  })
  const stopped = clients.filter(({ because }) => because.includes('server.unreachable'))
  expect(stopped.length).toBeGreaterThan(5)
  for (const { client, evidence } of stopped) expect(evidence, client).toBe('found here')
})

test('says which clients stop at tools that need more scopes, unless they are told to ask for all at first', async () => {
  const stopped = async (fetch: Fetch) =>
    (await examineServer(server.resource, fetch)).clients
      .filter(({ because }) => because.includes('AUTH_SIGN_IN_SCOPES=all'))
      .map(({ client }) => client)
  expect(await stopped(fetch)).toEqual(['Codex', 'opencode', 'mcporter'])
  const all = challenged(text => text.replace(/scope="[^"]*"/, 'scope="notes:read notes:write notes:admin"'))
  expect(await stopped(all)).toEqual([])
})

test('says in which client people sign in whenever the token ends, and how that is known', async () => {
  const { clients } = await examineServer(server.resource, fetch)
  expect(clients.find(({ client }) => client === 'mcporter')).toMatchObject({
    verdict: 'connects',
    because: expect.stringMatching(/; whenever its access token ends, the browser opens for a sign-in$/),
    evidence: expect.stringMatching(/^measured, /),
  })
  const silent = clients.filter(({ because }) => !because.includes('access token ends')).map(({ client }) => client)
  expect(silent).toEqual(expect.arrayContaining(['Claude Code', 'Codex', 'opencode', 'mcp-remote']))
})

test('says who has to sign in again after an outage, and in what clients nobody has to', async () => {
  const { findings } = await examineServer(server.resource, mistakes['server.not_ready']?.fetch ?? fetch)
  expect(findings.map(({ seen }) => seen)).toEqual([
    expect.stringMatching(
      /\. Calls fail until it is; then, .*nobody has to do anything: .*mcp-remote [\d.]+.* \(measured, [\d-]+/,
    ),
  ])
})

const connecting = async (fetch: Fetch) => {
  const { clients } = await examineServer(server.resource, fetch)
  return clients.filter(({ verdict }) => verdict === 'connects').map(({ client }) => client)
}

test.each(
  Object.entries(mistakes).filter(
    ([code]) => catalogue[code as FindingCode].severity === 'error' && !HARMLESS.includes(code as FindingCode),
  ),
)('no client connects where there is an error that it meets: %s', async (code, { fetch, trial }) => {
  const { clients } = await examineServer(server.resource, fetch, trial)
  const getIn = clients.filter(({ verdict }) => verdict === 'connects')
  // Measured: it signs in where the issuer is spelled in two ways.
  const expected = code === 'server.authorization_server_issuer' ? ['Gemini CLI'] : []
  expect(getIn.map(({ client }) => client)).toEqual(expected)
  expect(clients.find(({ client }) => client === 'mcp-remote')?.because).toContain(`(${code})`)
})

test('nothing is wrong with a server that takes bound tokens alone, but nobody has seen what clients do there', async () => {
  const bound: Fetch = async (input, init) => {
    const answer = await fetch(input, init)
    const headers = new Headers(answer.headers)
    const challenge = headers.get('www-authenticate')?.replace(/^Bearer(.*?)(, DPoP.*)?$/, 'DPoP$1')
    if (challenge !== undefined) headers.set('www-authenticate', challenge)
    return new Response(answer.body, { status: answer.status, headers })
  }
  const { findings } = await examineServer(server.resource, bound)
  expect(findings).toEqual([])
  expect(await connecting(bound)).toEqual([])
})

test('a client that demands iss in the response fails where the metadata does not promise it', async () => {
  const path = '/.well-known/oauth-authorization-server'
  const silent = tampered(fetch, path, () => ({ authorization_response_iss_parameter_supported: undefined }))
  expect(await connecting(silent)).not.toContain('Gemini CLI')
  expect(await connecting(silent)).toContain('mcp-remote')
})

test('clients that were seen to sign in without PKCE in the metadata connect, others are not guessed at', async () => {
  const path = '/.well-known/oauth-authorization-server'
  const { clients } = await examineServer(
    server.resource,
    tampered(fetch, path, () => ({ code_challenge_methods_supported: undefined })),
  )
  expect(verdictsOf(clients)).toMatchObject({ 'Claude Code': 'connects', Codex: 'connects', Cursor: 'not verified' })
})

test('a client in a web page connects where every page is let in, and not where it cannot read the challenge', async () => {
  const verdictAt = async (fetch: Fetch) =>
    verdictsOf((await examineServer(server.resource, fetch)).clients)['a web page']
  expect(await verdictAt(forPages(answer => answer))).toBe('connects')
  expect(await verdictAt(mistakes['server.challenge_not_exposed']?.fetch ?? fetch)).toBe('fails')
  expect(await verdictAt(mistakes['server.authorization_server_cors_missing']?.fetch ?? fetch)).not.toBe('connects')
})

test('says of each client what it does where the metadata is that of a URL above, and does not guess', async () => {
  const { clients, findings } = await examineServer(
    server.resource,
    mistakes['server.resource_is_parent']?.fetch ?? fetch,
  )
  const { seen } = findings.find(({ code }) => code === 'server.resource_is_parent') ?? {}
  const accept = clients.filter(({ verdict }) => verdict === 'connects').map(({ client }) => client)
  expect(accept).toEqual(expect.arrayContaining(['MCP Inspector', 'mcp-remote', 'mcporter']))
  expect(seen).toContain(`${accept.join(', ')} accept that; Gemini CLI refuses it; what claude.ai, `)
  expect(verdictsOf(clients)).toMatchObject({ Cursor: 'not verified', 'Gemini CLI': 'fails', 'claude.ai': 'fails' })
  expect(clients.find(({ client }) => client === 'Gemini CLI')?.evidence).toMatch(/^measured, [\d.]+, [\d-]+$/)
})

test('says of no client that an endpoint which asks nobody for a token keeps it out', async () => {
  const { clients } = await examineServer(server.resource, mistakes['server.open']?.fetch ?? fetch)
  const onThisMachine = clients.filter(({ client }) => !['claude.ai', 'ChatGPT'].includes(client))
  expect(new Set(onThisMachine.map(({ verdict, because }) => `${verdict}: ${because}`))).toEqual(
    new Set(['not verified: what it does where nobody is asked to sign in (server.open)']),
  )
})

test('says of each client whether it was seen to refuse metadata of another origin, or only has to', async () => {
  const { clients } = await examineServer(server.resource, mistakes['server.resource_mismatch']?.fetch ?? fetch)
  const known = (name: string) => clients.find(({ client }) => client === name)
  for (const client of ['mcp-remote', 'MCP Inspector', 'mcporter']) {
    expect(known(client)).toMatchObject({
      verdict: 'fails',
      evidence: expect.stringMatching(/^measured, [\d.]+, [\d-]+$/),
    })
  }
  expect(known('Cursor')).toMatchObject({
    verdict: 'fails',
    evidence: 'read',
    source: 'https://www.rfc-editor.org/rfc/rfc9728.html#section-3.3',
  })
})

test('a slash that only the metadata has makes it that of another resource: clients of the SDK refuse it', async () => {
  const slashed = tampered(fetch, METADATA, body => ({ resource: `${body.resource}/` }))
  const { clients, findings } = await examineServer(server.resource, slashed)
  const { severity, seen } = findings.find(({ code }) => code === 'server.resource_mismatch') ?? {}
  expect({ severity, seen }).toEqual({
    severity: 'error',
    seen: `resource is ${server.resource}/; clients connect to ${server.resource}`,
  })
  expect(clients.filter(({ verdict }) => verdict === 'connects')).toEqual([])
  // Another origin is what was measured.
  expect(clients.find(({ client }) => client === 'mcp-remote')).toMatchObject({ evidence: 'read' })
})

const AUTHORIZATION_SERVER = '/.well-known/oauth-authorization-server'
const withoutDocuments = tampered(fetch, AUTHORIZATION_SERVER, () => ({
  client_id_metadata_document_supported: undefined,
}))

test.each([
  [
    'there is no registration',
    tampered(withoutDocuments, AUTHORIZATION_SERVER, () => ({ registration_endpoint: undefined })),
  ],
  [
    'the registration is named and closed, as by Auth0',
    replaced(withoutDocuments, '/oauth/register', () =>
      Response.json({ error: 'Bad Request', message: 'dynamic client registration is disabled' }, { status: 400 }),
    ),
  ],
])('says who needs a client id where %s', async (_what, closed) => {
  const { clients } = await examineServer(server.resource, closed)
  expect(clients.filter(({ verdict }) => verdict === 'set up').map(({ client }) => client)).toEqual([
    'Claude Code',
    'VS Code',
    'Cursor',
    'Codex',
    'Copilot CLI',
    'Gemini CLI',
    'opencode',
    'MCP Inspector',
    'mcp-remote',
    'mcporter',
    'a web page',
  ])
})

test('does not guess what a client does that nobody has written down', async () => {
  const documentsOnly = tampered(fetch, '/.well-known/oauth-authorization-server', () => ({
    registration_endpoint: undefined,
    client_id_metadata_document_supported: true,
  }))
  const { clients } = await examineServer(server.resource, documentsOnly)
  const verdictOf = (name: string) => clients.find(({ client }) => client === name)?.verdict
  expect([verdictOf('Claude Code'), verdictOf('mcp-remote')]).toEqual(['connects', 'set up'])
  expect(verdictOf('Cursor')).toBe('not verified')
})

test('finds nothing where our own server asks for more scopes, with a token of a real sign-in', async () => {
  const [issuer = ''] = server.issuers
  const redirectUri = 'http://127.0.0.1:8766/callback'
  const post = (path: string, body: URLSearchParams | string, type: string) =>
    fetch(issuer + path, { method: 'POST', headers: { 'content-type': type }, body: body.toString() })
  const registration = JSON.stringify({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' })
  const registered = await post('/oauth/register', registration, 'application/json')
  const { client_id: clientId } = (await registered.json()) as { client_id: string }
  const verifier = 'v'.repeat(43)
  const url = authorizationRequest(`${issuer}/oauth/authorize`, {
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: 'notes:read',
    resource: server.resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  })
  const code = (await signIn(url)).searchParams.get('code') ?? ''
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  })
  const answer = await post('/oauth/token', form, 'application/x-www-form-urlencoded')
  const { access_token: token } = (await answer.json()) as { access_token: string }
  expect((await examineServer(server.resource, fetch, { token, tool: 'add_note' })).findings).toEqual([])
  const allowed = await examineServer(server.resource, fetch, { token, tool: 'list_notes' })
  expect(allowed.findings.map(({ code }) => code)).toEqual(['server.step_up_in_result'])
  expect((await examineServer(server.resource, fetch, { token }, {})).findings).toEqual([])
})

test.each([
  ['https://mcp.example.com/mcp', ['server.metrics_public' satisfies FindingCode]],
  ['http://localhost:3232/mcp', []],
])('finds metrics that everybody can read, unless that is this machine alone: %s', async (url, codes) => {
  const challenge = `Bearer resource_metadata="${new URL(METADATA, url)}"`
  const respond: Fetch = async input => {
    const { pathname } = new URL(new Request(input).url)
    if (pathname === '/metrics') return new Response('# HELP idplug_requests_total Requests.\n')
    if (pathname !== '/mcp') return new Response('', { status: 404 })
    return new Response('', { status: 401, headers: { 'www-authenticate': challenge } })
  }
  const { findings } = await examineServer(url, respond)
  expect(findings.map(({ code }) => code).filter(code => code.startsWith('server.metrics'))).toEqual(codes)
})
