import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import { examineTenants } from '../../../../app/commands/doctor/doctor.ts'
import { createGithubEmulator } from '../../../../emulators/github.ts'
import { createOidcEmulator } from '../../../../emulators/oidc.ts'
import { freePort } from '../../../support/http.ts'
import { redisForTest } from '../../../support/redis.ts'
import { METADATA, ORIGIN, replaced, tampered } from './world.ts'

type Fetch = typeof globalThis.fetch

const CALLBACK = 'https://auth.example.com/oauth/callback'
const client = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge', redirectUris: [CALLBACK] }
const provider = createOidcEmulator({ origin: ORIGIN, clients: [client] }).fetch

const SETTINGS = {
  AUTH_BRIDGE: 'on',
  AUTH_PROVIDER: 'oidc',
  AUTH_METADATA_URL: ORIGIN + METADATA,
  BRIDGE_CLIENT_ID: client.clientId,
  BRIDGE_CLIENT_SECRET: client.clientSecret,
  BRIDGE_ALLOW: 'everyone',
  BRIDGE_GRANT_SCOPES: 'notes:read',
  PUBLIC_URL: 'https://mcp.example.com',
  AUTH_SERVER_URL: 'https://auth.example.com',
}

interface Case {
  settings?: Record<string, string | undefined>
  fetch?: Fetch
  /** Of each document of a client. Default: it can be had. */
  loadDocument?: (url: string) => Promise<unknown>
}

/** What is found, beside that our own server does not run, and that it has no store. */
async function examine(world: Case = {}) {
  const found = await examineAll(world)
  return found.filter(({ code }) => code !== 'config.not_running' && code !== 'bridge.store_memory')
}

function examineAll({ settings = {}, fetch = provider, loadDocument = async () => {} }: Case) {
  const inside: Fetch = async (input, init) => {
    if (new URL(new Request(input, init).url).host !== 'auth.example.com') return fetch(input, init)
    throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
  }
  const surroundings = { fetch: inside, now: Date.now, loadDocument: () => loadDocument }
  return examineTenants({ ...SETTINGS, ...settings }, surroundings)
}

const metadata = (changes: Record<string, unknown>) => tampered(provider, METADATA, () => changes)
const authorization = (answer: () => Response) => replaced(provider, '/authorize', answer)
const redirect = (location: string) => () => new Response(null, { status: 302, headers: { location } })

/** One mistake each, and the only thing that may be found then. */
const mistakes: [code: FindingCode, what: string, world: Case, seen: RegExp][] = [
  [
    'bridge.unusable',
    'no metadata',
    { fetch: replaced(provider, METADATA, () => new Response('', { status: 502 })) },
    /./,
  ],
  ['bridge.client_refused', 'a wrong secret', { settings: { BRIDGE_CLIENT_SECRET: 'expired' } }, /invalid_client/],
  [
    'bridge.request_refused',
    'a redirect URI that is not registered',
    { settings: { AUTH_SERVER_URL: 'https://auth.example.com:8443' } },
    /status 4\d\d for redirect_uri https:\/\/auth\.example\.com:8443\/oauth\/callback/,
  ],
  [
    'bridge.request_refused',
    'a scope that the provider refuses',
    { fetch: authorization(redirect(`${CALLBACK}?error=invalid_scope&error_description=unknown+groups`)) },
    /invalid_scope: unknown groups/,
  ],
  [
    'bridge.request_refused',
    'an error page to which the provider redirects',
    { fetch: authorization(redirect('/signin/oauth/error?authError=secret')) },
    /a redirect to https:\/\/idp\.example\.com\/signin\/oauth\/error for/,
  ],
  [
    'bridge.request_refused',
    'an error page of Entra ID',
    { fetch: authorization(() => new Response('<p>AADSTS50011: The redirect URI …</p>')) },
    /AADSTS50011/,
  ],
  ['bridge.scope_unsupported', 'a scope that is not listed', { settings: { BRIDGE_SCOPES: 'gruops' } }, /^gruops$/],
  [
    'bridge.refresh_missing',
    'a provider that gives no refresh token',
    { fetch: metadata({ scopes_supported: ['openid', 'profile', 'email'], grant_types_supported: undefined }) },
    /offline_access/,
  ],
  [
    'bridge.documents_unreachable',
    'documents that cannot be fetched',
    { loadDocument: () => Promise.reject(Object.assign(new Error('away'), { error_detail: 'ETIMEDOUT' })) },
    /claude.ai.*ETIMEDOUT/,
  ],
]

describe('the doctor of a bridge', () => {
  it.each(mistakes)('finds %s: %s', async (code, _what, world, seen) => {
    const found = await examine(world)
    expect(found.map(item => item.code)).toEqual([code])
    expect(found[0]?.seen).toMatch(seen)
    expect(JSON.stringify(found)).not.toContain(client.clientSecret)
  })

  it('notes that our own authorization server does not run', async () => {
    const away: Fetch = async () => {
      throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
    }
    const found = await examineTenants({}, { fetch: away, now: Date.now })
    expect(found).toMatchObject([{ code: 'config.not_running', seen: expect.stringContaining('ECONNREFUSED') }])
  })

  it('finds nothing where the provider knows the bridge', async () => {
    expect(await examine()).toEqual([])
  })

  it('is content when one client of two can be fetched, or none is to be', async () => {
    const loadDocument = (url: string) => (url.includes('github') ? Promise.resolve() : Promise.reject(new Error('no')))
    expect(await examine({ loadDocument })).toEqual([])
    const none = () => Promise.reject(new Error('no'))
    expect(await examine({ loadDocument: none, settings: { CIMD: 'off' } })).toEqual([])
    expect(await examine({ loadDocument: none, settings: { CIMD_ALLOWED_HOSTS: 'clients.example' } })).toEqual([])
  })

  it('finds a misspelled scope in the rules by its name', async () => {
    const [found] = await examine({ settings: { BRIDGE_GRANT_SCOPES: 'notes:raed' } })
    expect(found).toMatchObject({ code: 'config.invalid', seen: expect.stringContaining('notes:raed') })
    expect(found?.seen).toContain('BRIDGE_GRANT_SCOPES')
  })

  it.each([
    ['no setting names a store', {}],
    ['AUTH_STORE is memory', { AUTH_STORE: 'memory' }],
  ])('notes who has to sign in again after a restart, where %s', async (what, settings) => {
    const found = await examineAll({ settings })
    const byHand = 'people sign in again by hand: Claude Code [\\d.]+ \\(claude mcp login NAME\\), Codex '
    const byItself = 'the browser opens for a sign-in: mcp-remote .* \\(measured, [\\d-]+'
    const seen = expect.stringMatching(new RegExp(`^${what}\\. After a restart, .*${byHand}.*; ${byItself}`))
    expect(found).toContainEqual(expect.objectContaining({ code: 'bridge.store_memory', severity: 'note', seen }))
  })

  it('notes nothing of that where something is kept', async () => {
    const AUTH_DATA_DIR = mkdtempSync(join(tmpdir(), 'doctor-'))
    onTestFinished(() => rmSync(AUTH_DATA_DIR, { recursive: true, force: true }))
    const found = await examineAll({ settings: { AUTH_DATA_DIR } })
    expect(found.map(({ code }) => code)).not.toContain('bridge.store_memory')
  })

  it('finds a Redis that cannot be reached, takes no writes, or lacks a command, and none that works', async () => {
    const BRIDGE_KEYS = Buffer.alloc(32, 7).toString('base64')
    const store = async (...options: string[]) => {
      const { url } = await redisForTest(options)
      return (await examine({ settings: { REDIS_URL: url, BRIDGE_KEYS } })).map(({ code, seen }) => [code, seen])
    }
    expect(await store()).toEqual([])
    const unusable = (what: RegExp) => [['bridge.store_unusable', expect.stringMatching(what)]]
    expect(await store('--rename-command', 'SET', '')).toEqual(unusable(/^REDIS_URL names a Redis .*SET/))
    expect(await store('--min-replicas-to-write', '1')).toEqual(unusable(/NOREPLICAS/))
    const REDIS_URL = `redis://127.0.0.1:${await freePort()}`
    const [found] = await examine({ settings: { REDIS_URL, BRIDGE_KEYS } })
    expect(found).toMatchObject({
      code: 'bridge.store_unusable',
      seen: expect.stringContaining('does not work (Redis: '),
    })
  })

  it('fails when a check fails while another one is under way, and leaves no failure that nobody hears of', async () => {
    const unheard: unknown[] = []
    const hear = (reason: unknown) => void unheard.push(reason)
    process.on('unhandledRejection', hear)
    onTestFinished(() => void process.off('unhandledRejection', hear))
    const broken = Promise.withResolvers<void>()
    const now = () => {
      broken.resolve()
      throw new Error('no clock')
    }
    const loadDocument = async () => {
      await broken.promise
      await new Promise(resolve => setImmediate(resolve))
    }
    const running: Fetch = async (input, init) =>
      new URL(new Request(input, init).url).host === 'auth.example.com'
        ? Response.json({ issuer: 'https://auth.example.com' })
        : provider(input, init)
    const surroundings = { fetch: running, now, loadDocument: () => loadDocument }
    await expect(examineTenants(SETTINGS, surroundings)).rejects.toThrow('no clock')
    await new Promise(resolve => setImmediate(resolve))
    expect(unheard).toEqual([])
  })

  it.each([
    ['the-secret-of-the-bridge', []],
    ['expired', ['bridge.client_refused']],
  ])('tries credentials at GitHub, which has no metadata: %s', async (secret, codes) => {
    const github = createGithubEmulator({ origin: 'https://github.com', clients: [{ kind: 'oauth', ...client }] })
    const settings = { AUTH_PROVIDER: 'github', AUTH_METADATA_URL: undefined, BRIDGE_CLIENT_SECRET: secret }
    expect((await examine({ settings, fetch: github.fetch })).map(({ code }) => code)).toEqual(codes)
  })

  it('says that our own server does not run, and nothing false about its credentials', async () => {
    const refused: Fetch = async () => {
      throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
    }
    const settings = {
      PUBLIC_URL: 'https://mcp.example.com',
      AUTH_PROVIDER: 'demo',
      DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on',
    }
    const found = await examineTenants(settings, { fetch: refused, now: Date.now })
    expect(found.map(({ code }) => code)).toEqual(['config.fake_sign_in', 'config.not_running'])
    expect(found.filter(({ severity }) => severity === 'error')).toEqual([])
  })
})
