import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { type AuthorizationServerOptions, createAuthorizationServer } from '../../demo-as/server.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import { signIn } from '../support/browser.ts'

export const RESOURCE = 'http://localhost:3232/mcp'
export const REDIRECT = 'http://localhost:7777/callback'
export const RS = { id: 'notes-server', secret: 'notes-server-secret' }

/** The notes server, as its own configuration would describe it. */
export const notes = {
  resource: RESOURCE,
  name: 'Notes',
  scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes', 'notes:admin': 'See all users' },
  defaultScopes: ['notes:read'],
  clientId: RS.id,
  clientSecret: RS.secret,
}

export const files = {
  resource: 'https://files.example.com',
  name: 'Files',
  scopes: { 'files:read': 'Read your files' },
  defaultScopes: ['files:read'],
  clientId: 'files-server',
  clientSecret: 'files-server-secret',
}

/**
 * Stores as far away as a database: each answer takes a while, so that what happens at once really overlaps. In memory,
 * a request would be through before the next one is read.
 */
export function distantStores(milliseconds = 5): StoreFactory {
  const near = createMemoryStores()
  const way = () => new Promise(resolve => setTimeout(resolve, milliseconds))
  return collection => {
    const store = near(collection)
    const distant =
      <A extends unknown[], R>(operation: (...args: A) => Promise<R>) =>
      async (...args: A) => {
        await way()
        const answer = await operation(...args)
        await way()
        return answer
      }
    return {
      get: distant(store.get) as typeof store.get,
      set: distant(store.set),
      add: distant(store.add),
      swap: distant(store.swap),
      take: distant(store.take) as typeof store.take,
      delete: distant(store.delete),
      list: distant(store.list),
    }
  }
}

/** Stores in memory that tell which collections were written to. */
export function countWrites(): { stores: StoreFactory; writes: string[] } {
  const memory = createMemoryStores()
  const writes: string[] = []
  const writing = ['set', 'add', 'take', 'swap', 'delete']
  const stores: StoreFactory = collection =>
    new Proxy(memory(collection), {
      get(store, name, receiver) {
        if (writing.includes(String(name))) writes.push(`${collection}.${String(name)}`)
        return Reflect.get(store, name, receiver)
      },
    })
  return { stores, writes }
}

export interface Event {
  event: string
  facts: Readonly<Record<string, unknown>>
}

/** An authorization server on a free port, stopped when the test ends. */
export async function startServer(options: Partial<AuthorizationServerOptions> = {}) {
  const events: Event[] = []
  const server: Server = createServer((req, res) => listener(req, res))
  let listener: (...args: Parameters<Awaited<ReturnType<typeof createAuthorizationServer>>['handler']>) => void
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const authorizationServer = await createAuthorizationServer({
    issuer: origin,
    resources: [notes],
    log: (event, facts) => events.push({ event, facts }),
    ...options,
  })
  listener = authorizationServer.handler
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin, events, authorizationServer }
}

export async function startWithClient(options: Partial<AuthorizationServerOptions> = {}) {
  const server = await startServer(options)
  return { ...server, client: createClient(server.origin) }
}

export function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`
}

/** What an MCP client does, one request at a time. */
export function createClient(origin: string) {
  const post = async (path: string, body: string | URLSearchParams, headers: Record<string, string> = {}) => {
    const response = await fetch(`${origin}${path}`, { method: 'POST', body, headers })
    const text = await response.text()
    const json = text.startsWith('{') ? JSON.parse(text) : undefined
    return { status: response.status, headers: response.headers, text, json }
  }
  const form = (path: string, fields: Record<string, string | undefined>, headers?: Record<string, string>) =>
    post(path, new URLSearchParams(JSON.parse(JSON.stringify(fields))), headers)

  const client = {
    post,
    form,
    register: (metadata: Record<string, unknown> = {}) =>
      post(
        '/oauth/register',
        JSON.stringify({
          client_name: 'Test client',
          redirect_uris: [REDIRECT],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'none',
          ...metadata,
        }),
        { 'content-type': 'application/json' },
      ),
    /** An authorization request; `undefined` leaves a parameter out. */
    authorizeUrl(clientId: string, changes: Record<string, string | undefined> = {}) {
      const verifier = randomBytes(32).toString('base64url')
      const url = new URL(`${origin}/oauth/authorize`)
      const params = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: REDIRECT,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        state: 'af0ifjsldkj',
        resource: RESOURCE,
        scope: 'notes:read notes:write',
        ...changes,
      }
      for (const [key, value] of Object.entries(params)) if (value !== undefined) url.searchParams.set(key, value)
      return { url, verifier }
    },
    token: (fields: Record<string, string | undefined>, headers?: Record<string, string>) =>
      form('/oauth/token', fields, headers),
    refresh: (clientId: string, refreshToken: string, changes: Record<string, string> = {}) =>
      form('/oauth/token', {
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: refreshToken,
        ...changes,
      }),
    introspect: (token: string, [id, secret]: [string, string] = [RS.id, RS.secret]) =>
      form('/oauth/introspect', { token }, { authorization: basic(id, secret) }),

    /** Everything up to and including the redirect back to the client. */
    async obtainCode(clientId: string, changes: Record<string, string | undefined> = {}, user = 'ada') {
      const { url, verifier } = client.authorizeUrl(clientId, changes)
      const callback = await signIn(url, { user })
      const code = callback.searchParams.get('code')
      if (!code) throw new Error(`no code in ${callback}`)
      const fields = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: verifier,
        redirect_uri: changes.redirect_uri ?? REDIRECT,
      }
      return { callback, fields }
    },
    /** A registered public client with tokens of a user. */
    async obtainTokens(changes: Record<string, string | undefined> = {}, user = 'ada') {
      const { json: registered } = await client.register()
      const { fields } = await client.obtainCode(registered.client_id, changes, user)
      const { status, json } = await client.token(fields)
      if (status !== 200) throw new Error(`no tokens: ${JSON.stringify(json)}`)
      return { clientId: registered.client_id as string, tokens: json as Tokens }
    },
  }
  return client
}

export interface Tokens {
  access_token: string
  refresh_token: string
  expires_in: number
  scope: string
  token_type: string
}
