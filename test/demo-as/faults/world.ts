import { createHash, randomBytes } from 'node:crypto'
import { vi } from 'vitest'
import { TemporarilyUnavailable } from '../../../demo-as/errors.ts'
import { fetchInProcess } from '../../../demo-as/in-process.ts'
import { createAuthorizationServer } from '../../../demo-as/server.ts'
import { createMemoryStores } from '../../../demo-as/stores/memory.ts'
import type { Store, StoreFactory } from '../../../demo-as/stores/store.ts'
import type { Upstream } from '../../../demo-as/upstream/upstream.ts'
import { type Browser, createBrowser, type Page } from '../../support/browser.ts'
import { notes, REDIRECT, RESOURCE, type Tokens } from '../support.ts'

/** What goes wrong at one call to the store or the provider. */
export const FAULTS = ['refused', 'answered and lost', 'killed before', 'killed after'] as const
export type Fault = (typeof FAULTS)[number]

export interface Plan {
  /** Which call, counted from 0. */
  at: number
  fault: Fault
}

/** An identity provider, and how to know what it thinks of somebody. */
export interface Provider {
  readonly fetch: typeof fetch
  createUpstream(fetch: typeof globalThis.fetch, redirectUri: string): Upstream
  /** Whether a request spends something, and what the answer says of it. */
  isTokenRequest(request: Request): boolean
  isRefusal(response: Response): Promise<boolean>
  /** Whether what it gave last is good for nothing any more. */
  isEnded(): Promise<boolean>
}

const ISSUER = 'http://localhost:3001'
const KEY = randomBytes(32)
/** Longer than a process that was killed holds a lock. */
const RESTART_MILLISECONDS = 10_000

/** Nobody answers any more. */
class Killed extends Error {}
/** A person who cannot go on from a page, only back to the application. */
class DeadEnd extends Error {}

/**
 * A bridge in front of a provider, one process after another over the same store. Calls to both are counted while `during` runs, and one of
 * them goes wrong as planned.
 */
export async function createWorld(provider: Provider) {
  const memory = createMemoryStores()
  const shared = new Map<string, Store>()
  /** Calls of the last run, by name. */
  let calls: string[] = []
  let plan: Plan | undefined
  let isCounting = false
  let refusals = 0
  let kill = () => {}
  let dead = new Promise<never>(() => {})
  let process = 0
  let server: typeof fetch

  /** A dependency of one process, as far as faults go. */
  async function call<T>(owner: number, name: string, broken: () => Error, run: () => Promise<T>): Promise<T> {
    if (owner !== process) return new Promise(() => {})
    const isHit = isCounting && calls.push(name) - 1 === plan?.at
    const fault = isHit ? plan?.fault : undefined
    if (fault === 'refused') throw broken()
    if (fault === 'killed before') return die()
    const answer = await run()
    if (owner !== process) return new Promise(() => {})
    if (fault === 'answered and lost') throw broken()
    return fault === 'killed after' ? die() : answer
  }

  function die(): Promise<never> {
    process++
    kill()
    return new Promise(() => {})
  }

  function storesOf(owner: number): StoreFactory {
    return collection => {
      const store = shared.get(collection) ?? memory(collection)
      shared.set(collection, store)
      const away = () => new TemporarilyUnavailable('the store does not answer')
      const broken =
        <A extends unknown[], R>(name: string, run: (...args: A) => Promise<R>) =>
        (...args: A) =>
          call(owner, `${collection}.${name}`, away, () => run(...args))
      return {
        get: broken('get', store.get) as typeof store.get,
        set: broken('set', store.set),
        add: broken('add', store.add),
        swap: broken('swap', store.swap),
        take: broken('take', store.take) as typeof store.take,
        delete: broken('delete', store.delete),
        list: broken('list', store.list),
      }
    }
  }

  function providerFetchOf(owner: number): typeof fetch {
    return async (input, init) => {
      const request = new Request(input, init)
      const { pathname } = new URL(request.url)
      const away = () => new TypeError('fetch failed')
      return call(owner, `provider ${pathname}`, away, async () => {
        const response = await provider.fetch(request.clone())
        if (provider.isTokenRequest(request) && (await provider.isRefusal(response.clone()))) refusals++
        return response
      })
    }
  }

  async function startProcess(): Promise<void> {
    const owner = process
    dead = new Promise((_resolve, reject) => {
      kill = () => reject(new Killed())
    })
    dead.catch(() => {})
    const authorizationServer = await createAuthorizationServer({
      issuer: ISSUER,
      resources: [notes],
      stores: storesOf(owner),
      encryptionKeys: [KEY],
      upstream: provider.createUpstream(providerFetchOf(owner), `${ISSUER}/oauth/callback`),
    })
    server = fetchInProcess((req, res) => authorizationServer.handler(req, res))
  }

  /** Asks the process that runs now. One that was killed is started again, some time later. */
  const ask: typeof fetch = async (input, init) => {
    const response = await Promise.race([server(input, init), dead]).catch(async error => {
      if (error instanceof Killed) {
        vi.setSystemTime(Date.now() + RESTART_MILLISECONDS)
        await startProcess()
      }
      throw error
    })
    return response
  }

  await startProcess()

  /** Tries again while there is no answer, as a person does who loads a page again, or a client. */
  async function persistently<T extends { status: number }>(attempt: (again: boolean) => Promise<T>): Promise<T> {
    let last: unknown
    for (let tries = 0; tries < 4; tries++) {
      try {
        const answer = await attempt(tries > 0)
        if (answer.status < 500) return answer
        // Clients answer it by sending the person through the browser.
        if (answer.status !== 503) throw new Error(`status ${answer.status}`)
        last = new Error('status 503')
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        last = error
      }
    }
    throw last
  }

  async function post(path: string, fields: Record<string, string>) {
    const body = new URLSearchParams(fields).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await ask(`${ISSUER}${path}`, { method: 'POST', body, headers })
    const text = await response.text()
    return { status: response.status, json: text.startsWith('{') ? JSON.parse(text) : undefined }
  }

  async function register(): Promise<string> {
    const metadata = { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none', client_name: 'Test client' }
    const response = await ask(`${ISSUER}/oauth/register`, {
      method: 'POST',
      body: JSON.stringify({ ...metadata, grant_types: ['authorization_code', 'refresh_token'] }),
      headers: { 'content-type': 'application/json' },
    })
    return ((await response.json()) as { client_id: string }).client_id
  }
  const clientId = await register()

  /** @returns The code with which the browser comes back to the client. */
  async function walk(authorizeUrl: URL): Promise<string> {
    let at = authorizeUrl
    const browser: Browser = createBrowser(async (input, init) => {
      at = new URL(String(input))
      return ask(input, init)
    })
    const consent = await persistently(() => browser.open(authorizeUrl))
    if (!consent.text.includes('name="decision"')) throw new DeadEnd(consent.text)
    const away = await persistently(() => browser.submit(consent, 'decision', { decision: 'allow' }))
    if (away.url.origin === ISSUER) throw new DeadEnd(away.text)
    const back = await provider.fetch(`${away.url}&login_hint=ada`, { redirect: 'manual' })
    at = new URL(back.headers.get('location') ?? '')
    const end: Page = await persistently(() => browser.open(at))
    const code = end.url.origin === new URL(REDIRECT).origin ? end.url.searchParams.get('code') : null
    if (code === null) throw new DeadEnd(`${end.url} ${end.status} ${end.text}`)
    return code
  }

  const refresh = (refreshToken: string) =>
    persistently(() =>
      post('/oauth/token', { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }),
    )

  return {
    refresh,

    revoke: (refreshToken: string) =>
      persistently(() => post('/oauth/revoke', { client_id: clientId, token: refreshToken })),

    /** Signs somebody in; from the beginning again where there is no other way. */
    async signIn(): Promise<Tokens & { beginnings: number }> {
      for (let beginnings = 1; beginnings <= 3; beginnings++) {
        const verifier = randomBytes(32).toString('base64url')
        const url = new URL(`${ISSUER}/oauth/authorize`)
        url.search = new URLSearchParams({
          response_type: 'code',
          client_id: clientId,
          redirect_uri: REDIRECT,
          code_challenge: createHash('sha256').update(verifier).digest('base64url'),
          code_challenge_method: 'S256',
          resource: RESOURCE,
          scope: 'notes:read',
        }).toString()
        try {
          const code = await walk(url)
          const redeem = { grant_type: 'authorization_code', client_id: clientId, redirect_uri: REDIRECT }
          const { status, json } = await persistently(() =>
            post('/oauth/token', { ...redeem, code, code_verifier: verifier }),
          )
          if (status === 200) return { ...json, beginnings }
        } catch (error) {
          if (!(error instanceof DeadEnd)) throw error
        }
      }
      throw new Error('nobody could be signed in')
    },

    /** Runs `task` with a fault. @returns The calls that were made. */
    async during<T>(fault: Plan | undefined, task: () => Promise<T>): Promise<{ result: T; calls: readonly string[] }> {
      plan = fault
      calls = []
      refusals = 0
      isCounting = true
      try {
        return { result: await task(), calls }
      } finally {
        isCounting = false
      }
    },

    /** How often the provider has refused a code or refresh token during the last run. */
    refusals: () => refusals,

    /** Starts another process, as every deployment does. */
    async restart(): Promise<void> {
      process++
      await startProcess()
    },

    introspect: async (token: string) => {
      const authorization = `Basic ${btoa(`${notes.clientId}:${notes.clientSecret}`)}`
      const response = await persistently(() =>
        ask(`${ISSUER}/oauth/introspect`, {
          method: 'POST',
          body: new URLSearchParams({ token }).toString(),
          headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        }),
      )
      return ((await response.json()) as { active: boolean }).active
    },
  }
}

export type World = Awaited<ReturnType<typeof createWorld>>
