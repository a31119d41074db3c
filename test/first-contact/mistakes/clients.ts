import { onTestFinished } from 'vitest'
import { runEmulator } from '../../../emulators/run.ts'
import { personAt } from '../../app/commands/client/person.ts'
import { startServers } from '../../e2e/servers.ts'
import { createBrowser } from '../../support/browser.ts'
import { freePort } from '../../support/http.ts'
import type { Mistake } from '../mistake.ts'
import { ownServer } from '../own-server.ts'
import { idplug } from '../runs.ts'
import { proxyAt } from '../worlds.ts'

const login = (url: string, ...options: string[]) => idplug(['login', url, '--no-browser', ...options], personAt())

/** The notes server behind the emulator of Auth0, which does not let clients register. */
async function behindAuth0() {
  const PORT = String(await freePort())
  const { emulator, settings, resource } = await runEmulator('auth0', { resource: `http://localhost:${PORT}/mcp` })
  onTestFinished(emulator.close)
  await startServers({ PORT, ...settings })
  return { resource, origin: emulator.origin }
}

/** A server behind a proxy that has its public name. */
async function proxied(rules: Parameters<typeof proxyAt>[2]): Promise<string> {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const { origin } = await ownServer({ env: { PUBLIC_URL: publicUrl } })
  await proxyAt(port, origin, rules)
  return `${publicUrl}/mcp`
}

/** Clients, and what stands between them and the server. */
export const clients: readonly Mistake[] = [
  {
    mistake: 'A command is misspelled: `idplug docter`',
    run: 'idplug docter',
    cause: "unknown command 'docter'",
    fix: 'Did you mean doctor?',
    see: () => idplug(['docter']),
  },
  {
    mistake: 'The server does not run',
    run: 'idplug login URL',
    cause: 'The server cannot be reached: ECONNREFUSED',
    fix: 'Check the URL, and that the server is running',
    see: async () => login(`http://localhost:${await freePort()}/mcp`),
  },
  {
    mistake: 'The emulator or authorization server that the settings name does not run',
    run: 'idplug login URL',
    cause: 'which the MCP server names, cannot be reached: ECONNREFUSED',
    fix: 'Check that it is running',
    see: async () => {
      const AUTH_METADATA_URL = `http://localhost:${await freePort()}/.well-known/openid-configuration`
      const { origin } = await ownServer({ env: { AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL } })
      return login(`${origin}/mcp`)
    },
  },
  {
    mistake: 'The URL without `/mcp`',
    run: 'idplug login URL',
    cause: 'There is no MCP endpoint at this URL',
    fix: 'The path is often /mcp',
    see: async () => login((await ownServer()).origin),
  },
  {
    mistake: 'The URL without a scheme: `localhost:3000/mcp`',
    run: 'idplug login URL',
    cause: 'It has no scheme',
    fix: 'Did you mean http://localhost:3000/mcp?',
    see: () => login('localhost:3000/mcp'),
  },
  {
    mistake: '`https://` for a server on this machine that speaks http',
    run: 'idplug login URL',
    cause: 'does not speak https there',
    fix: 'Use http:// for a server on this machine',
    see: async () => login(`${(await ownServer()).origin.replace('http:', 'https:')}/mcp`),
  },
  {
    mistake: 'The same, seen by the doctor',
    run: 'idplug doctor URL',
    cause: 'the server does not speak https',
    fix: 'Check the URL',
    see: async () => idplug(['doctor', `${(await ownServer()).origin.replace('http:', 'https:')}/mcp`]),
  },
  {
    mistake: 'The URL of the authorization server in place of that of the MCP server',
    run: 'idplug login URL',
    cause: 'There is no MCP endpoint at this URL',
    fix: 'look at the port: the authorization server has another one',
    see: async () => login(`${(await startServers()).issuer}/mcp`),
  },
  {
    mistake: 'The secret of a client in a variable that is not set',
    run: 'idplug login URL',
    cause: '--client-secret-env names FILES_SECRET, which is not set',
    fix: 'FILES_SECRET',
    see: () => login('http://localhost:3000/mcp', '--client-id', 'files', '--client-secret-env', 'FILES_SECRET'),
  },
  {
    mistake: 'The provider does not let clients register',
    run: 'idplug login URL',
    cause: 'The authorization server did not register this client',
    fix: 'Register a client there yourself, and pass its id with --client-id. If the server is yours, AUTH_BRIDGE=on',
    see: async () => login((await behindAuth0()).resource),
  },
  {
    mistake: 'The redirect URI of the client is not registered at the provider',
    run: 'idplug login URL --client-id',
    cause: 'If that page says that the redirect URI is wrong',
    fix: 'register http://localhost:…/other for this client at the provider',
    async see() {
      const { resource } = await behindAuth0()
      const redirectUri = `http://localhost:${await freePort()}/other`
      const giveUp = (printed: string) => {
        const state = /state=([^&\s]+)/.exec(printed)?.[1]
        if (state) fetch(`${redirectUri}?error=access_denied&state=${state}`).catch(() => {})
      }
      return idplug(['login', resource, '--no-browser', '--client-id', 'native', '--redirect-uri', redirectUri], giveUp)
    },
  },
  {
    mistake: 'A redirect URI that this client did not register with our authorization server',
    run: 'the browser',
    cause: 'It sent http://127.0.0.1:4711/elsewhere It registered http://127.0.0.1:4711/callback',
    fix: 'Register the address that is sent',
    async see() {
      const { origin } = await ownServer()
      const registered = await fetch(`${origin}/oauth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          redirect_uris: ['http://127.0.0.1:4711/callback'],
          token_endpoint_auth_method: 'none',
          client_name: 'Sample',
        }),
      })
      const { client_id } = (await registered.json()) as { client_id: string }
      return pageOf(origin, client_id, 'http://127.0.0.1:4711/elsewhere')
    },
  },
  {
    mistake: 'A client that the authorization server has forgotten, or another instance of it never knew',
    run: 'the browser',
    cause: 'is not registered with this server, or its registration has ended',
    fix: 'several processes need one store for all of them (REDIS_URL, DATABASE_URL)',
    see: async () => pageOf((await ownServer()).origin, 'forgotten', 'http://127.0.0.1:4711/callback'),
  },
  {
    mistake: 'The proxy passes on `/mcp` only',
    run: 'idplug login URL',
    cause: 'and there is none (status 404)',
    fix: 'A proxy has to pass on /.well-known/ and /oauth/',
    see: async () => login(await proxied({ only: '/mcp' })),
  },
  {
    mistake: 'The proxy passes on `/mcp` only, seen by the doctor',
    run: 'idplug doctor URL',
    cause: 'The resource metadata cannot be fetched',
    fix: 'A proxy has to pass on /.well-known/ and /oauth/',
    see: async () => idplug(['doctor', await proxied({ only: '/mcp' })]),
  },
  {
    mistake: 'The proxy takes the `Authorization` header away',
    run: 'idplug login URL',
    cause: 'The server answers as if no token had come with the request, though one was sent',
    fix: 'A proxy in front of the server has to pass the Authorization header on',
    see: async () => login(await proxied({ withhold: ['authorization'] })),
  },
  {
    mistake: 'The same, seen by the doctor',
    run: 'idplug doctor URL',
    cause: 'A token does not reach the server',
    fix: 'pass the Authorization header on',
    see: async () => idplug(['doctor', await proxied({ withhold: ['authorization'] })]),
  },
  {
    mistake: 'The proxy takes `WWW-Authenticate` off the answers',
    run: 'idplug doctor URL',
    cause: 'The refusal carries no challenge',
    fix: 'let the proxy in front pass it on',
    see: async () => idplug(['doctor', await proxied({ keep: ['www-authenticate'] })]),
  },
]

async function pageOf(origin: string, clientId: string, redirectUri: string): Promise<string> {
  const url = new URL('/oauth/authorize', origin)
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    scope: 'files:read',
    resource: `${origin}/mcp`,
  }).toString()
  const { text } = await createBrowser().open(url)
  return text.replace(/<(style|script)[\s\S]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ')
}
