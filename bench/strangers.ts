import { createHash, randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { fetchInProcess } from '../demo-as/in-process.ts'
import { createAuthorizationServer, type Upstream } from '../demo-as/server.ts'
import { createBrowser } from '../test/support/browser.ts'
import { type BenchSection, ratio } from './report.ts'
import { measure } from './rounds.ts'

const ISSUER = 'https://auth.example.com'
const RESOURCE = 'https://mcp.example.com/mcp'
const REDIRECT = 'http://localhost:7777/callback'
const SIGN_INS = 10_000
const ROUNDS = 20
const GARBAGE_PER_ROUND = 50_000
const REFRESHES_PER_ROUND = 300
/** So many strangers take turns. */
const ADDRESSES = 5_000
const MEGABYTE = 1024 * 1024

const resource = {
  resource: RESOURCE,
  scopes: { 'notes:read': 'Read your notes' },
  defaultScopes: ['notes:read'],
  clientId: 'notes-server',
  clientSecret: 'notes-server-secret',
}
const upstream: Upstream = {
  name: 'Example ID',
  depart: async ({ state }) => ({
    url: `https://id.example.com/login?${new URLSearchParams({ state })}`,
    memory: { verifier: randomBytes(32).toString('base64url'), nonce: randomBytes(16).toString('base64url') },
  }),
  identify: async () => ({
    outcome: 'signed_in',
    user: { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read'] },
  }),
}

/** What strangers leave behind: memory for sign-ins that nobody finishes, and the cost of a refresh after a million garbage requests. */
export async function run(): Promise<BenchSection> {
  const begun = await memoryOf(async ({ clientId, askFrom }, index) => {
    await (await askFrom(addressOf(index))(authorizeUrl(clientId).url)).text()
  })
  const decided = await memoryOf(async ({ clientId, askFrom }, index) => {
    const browser = createBrowser(askFrom(addressOf(index)))
    const page = await browser.open(authorizeUrl(clientId).url)
    await browser.submit(page, 'decision', { decision: 'allow' })
  })
  const [alone, crowded] = await costOfRefresh()
  return {
    title: 'strangers: what they leave behind',
    method: `Bridge in this process, memory store. ${SIGN_INS} sign-ins: heap after a collection. ${ROUNDS} rounds of ${GARBAGE_PER_ROUND} garbage requests of ${ADDRESSES} addresses at every endpoint, with ${REFRESHES_PER_ROUND} refreshes after each and a collection, beside a server without.`,
    measurements: [
      { name: `${SIGN_INS} sign-ins begun`, unit: 'MB', samples: [begun] },
      { name: `${SIGN_INS} decided, and left at the provider`, unit: 'MB', samples: [decided] },
      alone,
      crowded,
    ],
    targets: [
      { name: `${SIGN_INS} sign-ins begun, MB`, actual: begun, limit: 10 },
      { name: 'refresh, with garbage / without', actual: ratio(crowded, alone), limit: 1.1 },
    ],
  }
}

async function start() {
  const { handler } = await createAuthorizationServer({ issuer: ISSUER, resources: [resource], upstream })
  const askFrom = (address: string) => fetchInProcess(handler, address)
  const ask = askFrom('198.51.100.1')
  const registered = await ask(`${ISSUER}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Bench',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    }),
  })
  const { client_id: clientId } = (await registered.json()) as { client_id: string }
  return { clientId, ask, askFrom }
}

type Server = Awaited<ReturnType<typeof start>>

function authorizeUrl(clientId: string) {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(`${ISSUER}/oauth/authorize`)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: randomBytes(16).toString('base64url'),
    resource: RESOURCE,
    scope: 'notes:read',
  }).toString()
  return { url, verifier }
}

const addressOf = (index: number) => `10.0.${Math.floor(index / 250) % 20}.${index % 250}`

/** @returns Megabytes of heap that stay after it was done 10,000 times. */
async function memoryOf(act: (server: Server, index: number) => Promise<void>): Promise<number> {
  const server = await start()
  const repeat = (times: number) => inTurn(times, index => act(server, index))
  await repeat(200)
  const before = await heap()
  await repeat(SIGN_INS)
  const after = await heap()
  // The server is still in use here, so that it was not collected.
  await server.ask(`${ISSUER}/health`)
  return (after - before) / MEGABYTE
}

/** What never waits for the network lets the event loop turn now and then: only then is garbage let go. */
async function inTurn(times: number, act: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; index < times; index++) {
    await act(index)
    if (index % 50 === 0) await setImmediate()
  }
}

async function heap(): Promise<number> {
  if (!gc) throw new Error('needs node --expose-gc')
  for (let i = 0; i < 3; i++) {
    await setImmediate()
    gc()
  }
  return process.memoryUsage().heapUsed
}

async function signIn({ clientId, ask }: Server): Promise<string> {
  const browser = createBrowser(ask)
  const { url, verifier } = authorizeUrl(clientId)
  const away = await browser.submit(await browser.open(url), 'decision', { decision: 'allow' })
  const state = away.url.searchParams.get('state') ?? ''
  const back = await browser.open(`${ISSUER}/oauth/callback?${new URLSearchParams({ state, code: 'x' })}`)
  const code = back.url.searchParams.get('code') ?? ''
  const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT }
  return refreshTokenOf(await token(ask, { ...grant, client_id: clientId }))
}

const token = (ask: typeof fetch, fields: Record<string, string>) =>
  ask(`${ISSUER}/oauth/token`, { method: 'POST', body: new URLSearchParams(fields) })

async function refreshTokenOf(response: Response): Promise<string> {
  const { refresh_token: refreshToken } = (await response.json()) as { refresh_token?: string }
  if (!refreshToken) throw new Error(`no refresh token: ${response.status}`)
  return refreshToken
}

async function costOfRefresh() {
  let sent = 0
  const candidates = await Promise.all(
    [
      { name: 'refresh', garbage: 0 },
      { name: 'refresh, among garbage', garbage: GARBAGE_PER_ROUND },
    ].map(async ({ name, garbage }) => {
      const server = await start()
      let refreshToken = await signIn(server)
      return {
        name,
        async prepare() {
          await inTurn(garbage, () => sendGarbage(server, sent++))
          await heap()
          return Array<string>(REFRESHES_PER_ROUND).fill('')
        },
        async run(rounds: readonly string[]) {
          for (const _ of rounds) {
            const fields = { grant_type: 'refresh_token', client_id: server.clientId, refresh_token: refreshToken }
            refreshToken = await refreshTokenOf(await token(server.ask, fields))
          }
        },
      }
    }),
  )
  const results = await measure(candidates, { rounds: ROUNDS, warmUps: 2, unit: 'µs CPU per refresh' })
  const [alone, crowded] = candidates.map(({ name }) => results.get(name))
  if (!alone || !crowded) throw new Error('nothing was measured')
  return [alone, crowded] as const
}

const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) })

/** One request that means nothing, of one of many strangers. */
async function sendGarbage({ clientId, askFrom }: Server, index: number): Promise<void> {
  const text = String(index)
  const requests: [path: string, init?: RequestInit][] = [
    [`/oauth/authorize?${new URLSearchParams({ client_id: text })}`],
    [authorizeUrl(clientId).url.href.slice(ISSUER.length)],
    [`/oauth/consent?id=${text}`],
    [`/oauth/callback?state=${text}&code=${text}`],
    ['/oauth/consent', form({ decision: 'allow' })],
    ['/oauth/register', { method: 'POST', body: '{' }],
    ['/oauth/device_authorization', form({ client_id: text })],
    ['/oauth/device', form({ user_code: 'BCDF-GHJK' })],
    ['/oauth/token', form({ grant_type: 'refresh_token', client_id: clientId, refresh_token: text })],
    ['/oauth/token', form({ grant_type: 'authorization_code', client_id: text, code: text })],
    ['/oauth/introspect', form({ client_id: 'notes-server', client_secret: text, token: text })],
    ['/oauth/revoke', form({ client_id: clientId, token: text })],
  ]
  const [path, init] = requests[index % requests.length] as (typeof requests)[number]
  const answer = await askFrom(addressOf(index % ADDRESSES))(ISSUER + path, init)
  await answer.text()
}
