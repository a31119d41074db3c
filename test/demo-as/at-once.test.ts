import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser } from '../support/browser.ts'
import { createClient, distantStores, REDIRECT, startServer } from './support.ts'

const TIMES = 200
const ada = { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write'] }

/** Two processes as far as they can tell, in front of a provider that counts what it is asked. */
async function start() {
  const asked = { codes: 0, refreshes: 0 }
  const upstream: Upstream = {
    name: 'Example ID',
    depart: async ({ state }) => ({
      url: `https://upstream.example/login?${new URLSearchParams({ state })}`,
      memory: 1,
    }),
    async identify(_answer, { memory, keep }) {
      if (memory === 1) {
        asked.codes++
        await keep(2)
      }
      return { outcome: 'signed_in', user: ada, session: 0 }
    },
    async recheck(session, keep) {
      asked.refreshes++
      await keep(Number(session) + 1)
      return { outcome: 'signed_in', user: ada, session: Number(session) + 1 }
    },
  }
  const stores = distantStores(1)
  const options = { upstream, stores, encryptionKeys: [Buffer.alloc(32, 7)] as const }
  const one = await startServer(options)
  const other = await startServer({ ...options, issuer: one.origin })
  const clients = [createClient(one.origin), createClient(other.origin)] as const
  const [client] = clients
  const { json } = await client.register()
  const clientId = json.client_id as string
  const { url, verifier } = client.authorizeUrl(clientId)
  const browser = createBrowser()
  const away = await browser.submit(await browser.open(url), 'decision', { decision: 'allow' })
  const state = away.url.searchParams.get('state') ?? ''
  const callback = new URL(`${one.origin}/oauth/callback?${new URLSearchParams({ state, code: 'x' })}`)
  const redeem = (code: string, at: number) =>
    clients[at % 2 === 0 ? 0 : 1].token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: verifier,
      redirect_uri: REDIRECT,
    })
  const codeOf = async () => (await browser.open(callback)).url.searchParams.get('code') ?? ''
  return {
    asked,
    browser,
    callback,
    clients,
    clientId,
    codeOf,
    origins: [one.origin, other.origin],
    redeem,
    events: one.events,
  }
}

describe('two hundred times at once, in two processes', () => {
  it('the answer of a provider is redeemed once, and everybody is sent to the same place', async () => {
    const { asked, browser, callback, origins } = await start()
    const headers = { cookie: browser.cookiesFor(callback) }
    const answers = await Promise.all(
      Array.from({ length: TIMES }, (_, i) =>
        fetch(callback.href.replace(origins[0] ?? '', origins[i % 2] ?? ''), { headers, redirect: 'manual' }),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]))
    expect(new Set(answers.map(answer => answer.headers.get('location'))).size).toBe(1)
    expect(asked.codes).toBe(1)
  })

  it('a code gives tokens once', async () => {
    const { codeOf, redeem, asked } = await start()
    const code = await codeOf()
    const answers = await Promise.all(Array.from({ length: TIMES }, (_, i) => redeem(code, i)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(asked.codes).toBe(1)
  })

  it('a refresh token gives one answer, and the provider is asked once', async () => {
    const { asked, clientId, clients, codeOf, redeem } = await start()
    const { json } = await redeem(await codeOf(), 0)
    const answers = await Promise.all(
      Array.from({ length: TIMES }, (_, i) => clients[i % 2 === 0 ? 0 : 1].refresh(clientId, json.refresh_token)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ json }) => json.refresh_token)).size).toBe(1)
    expect(asked.refreshes).toBe(1)
  })

  it('a refresh token gives one answer where there is no provider to ask', async () => {
    const options = { stores: distantStores(1), encryptionKeys: [Buffer.alloc(32, 7)] as const }
    const one = await startServer(options)
    const other = await startServer({ ...options, issuer: one.origin })
    const clients = [createClient(one.origin), createClient(other.origin)] as const
    const { clientId, tokens } = await clients[0].obtainTokens()
    const answers = await Promise.all(
      Array.from({ length: TIMES }, (_, i) => clients[i % 2 === 0 ? 0 : 1].refresh(clientId, tokens.refresh_token)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const renewed = new Set(answers.map(({ json }) => json.refresh_token))
    expect(renewed.size).toBe(1)
    const issued = [...one.events, ...other.events].filter(
      ({ event, facts }) => event === 'token_issued' && facts.grantType === 'refresh_token',
    )
    expect(issued).toHaveLength(1)
    const [next = ''] = renewed
    expect((await clients[1].refresh(clientId, next)).status).toBe(200)
  })
})
