import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createBrowser } from '../support/browser.ts'

const REDIRECT = 'http://localhost:7777/callback'

export interface PersonOptions {
  issuer: string
  provider: string
  resource: string
  client: { id: string; secret: string }
  /** From where the requests come, so that they are not taken for those of one. */
  address: string
}

/** Somebody whose client tries again while there is no answer. */
export interface Person {
  signIn(): Promise<void>
  /** @param twice - Makes the request twice at once, as clients do. */
  refresh(twice: boolean): Promise<void>
  introspect(): Promise<void>
  revoke(): Promise<void>
  /** Uses the refresh token of before once more. @returns Whether it was taken. */
  replay(): Promise<boolean>
  /** Requests that got no answer, or one of 500 and more. */
  readonly failures: number
}

/** What must not happen. */
class Lost extends Error {}

/** As long as this, nobody gives up: longer than a store takes to come back, and than a lock of a dead process. */
const PATIENCE_MILLISECONDS = 60_000

interface Answer {
  status: number
  text: string
  json?: Record<string, string>
}

export function createPerson({ issuer, provider, resource, client, address }: PersonOptions): Person {
  let clientId = ''
  let tokens = { access_token: '', refresh_token: '' }
  let before = ''
  let failures = 0

  const send: typeof fetch = (input, init) =>
    fetch(input, {
      ...init,
      headers: { ...(init?.headers as Record<string, string>), 'x-forwarded-for': address },
      signal: AbortSignal.timeout(40_000),
    })

  /** Tries until there is an answer that means something. */
  async function insist<T extends { status: number }>(attempt: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + PATIENCE_MILLISECONDS
    for (let wait = 100; ; wait = Math.min(2 * wait, 2000)) {
      const answer = await attempt().catch(() => undefined)
      if (answer && answer.status < 500 && answer.status !== 429) return answer
      failures++
      if (Date.now() > deadline) throw new Lost(`no answer for ${PATIENCE_MILLISECONDS} ms, last: ${answer?.status}`)
      await delay(wait)
    }
  }

  async function post(path: string, fields: Record<string, string>, headers = {}): Promise<Answer> {
    const response = await send(`${issuer}${path}`, { method: 'POST', body: new URLSearchParams(fields), headers })
    const text = await response.text()
    return { status: response.status, text, ...(text.startsWith('{') && { json: JSON.parse(text) }) }
  }

  async function register(): Promise<string> {
    const { json, text } = await insist(async (): Promise<Answer> => {
      const response = await send(`${issuer}/oauth/register`, {
        method: 'POST',
        body: JSON.stringify({
          redirect_uris: [REDIRECT],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'none',
          client_name: 'Chaos',
        }),
        headers: { 'content-type': 'application/json' },
      })
      const text = await response.text()
      return { status: response.status, text, json: response.ok ? JSON.parse(text) : undefined }
    })
    if (!json?.client_id) throw new Lost(`not registered: ${text}`)
    return json.client_id
  }

  /** @returns `undefined` where the person had to give up and begin again. */
  async function attemptSignIn(): Promise<typeof tokens | undefined> {
    const verifier = randomBytes(32).toString('base64url')
    const url = new URL(`${issuer}/oauth/authorize`)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: REDIRECT,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      resource,
      scope: 'notes:read',
    }).toString()
    const browser = createBrowser(send)
    const consent = await insist(() => browser.open(url))
    // The store was away for a moment, and the client is told so (RFC 6749 §4.1.2.1).
    if (consent.url.searchParams.get('error') === 'temporarily_unavailable') return undefined
    const away = await insist(() => browser.submit(consent, 'decision', { decision: 'allow' }))
    if (away.url.origin !== provider) return undefined
    const back = await fetch(`${away.url}&login_hint=ada`, { redirect: 'manual' })
    const end = await insist(() => browser.open(back.headers.get('location') ?? ''))
    const code = end.url.searchParams.get('code')
    if (end.url.origin !== new URL(REDIRECT).origin || code === null) return undefined
    const redeem = { grant_type: 'authorization_code', client_id: clientId, redirect_uri: REDIRECT }
    const { status, json } = await insist(() => post('/oauth/token', { ...redeem, code, code_verifier: verifier }))
    return status === 200 ? (json as typeof tokens) : undefined
  }

  const refreshWith = (refreshToken: string) =>
    insist(() =>
      post('/oauth/token', { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }),
    )

  return {
    get failures() {
      return failures
    },

    async signIn() {
      clientId ||= await register()
      for (let beginnings = 0; beginnings < 5; beginnings++) {
        const found = await attemptSignIn()
        if (!found) continue
        tokens = found
        before = ''
        return
      }
      throw new Lost('could not sign in')
    },

    async refresh(twice) {
      const attempts = Array.from({ length: twice ? 2 : 1 }, () => refreshWith(tokens.refresh_token))
      const answers = await Promise.all(attempts)
      const refused = answers.find(({ status }) => status !== 200)
      if (refused) throw new Lost(`signed out at a refresh: ${refused.status} ${refused.text}`)
      const given = new Set(answers.map(({ json }) => json?.refresh_token))
      if (given.size > 1) throw new Lost('one refresh gave two refresh tokens')
      before = tokens.refresh_token
      tokens = answers[0]?.json as typeof tokens
    },

    async introspect() {
      const authorization = `Basic ${btoa(`${client.id}:${client.secret}`)}`
      const { status, text } = await insist(() =>
        post('/oauth/introspect', { token: tokens.access_token }, { authorization }),
      )
      if (status !== 200 || !text.includes('"active":true')) throw new Lost(`a good token is not active: ${text}`)
    },

    async revoke() {
      const { refresh_token } = tokens
      const { status, text } = await insist(() => post('/oauth/revoke', { client_id: clientId, token: refresh_token }))
      if (status !== 200) throw new Lost(`not revoked: ${status} ${text}`)
      const refused = await refreshWith(refresh_token)
      if (refused.status === 200) throw new Lost('a revoked refresh token was taken')
    },

    async replay() {
      return before !== '' && (await refreshWith(before)).status === 200
    },
  }
}
