import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { type AuthorizationServer, createAuthorizationServer, type Upstream } from '../demo-as/server.ts'
import { launchChromium } from '../test/support/launch-chromium.ts'
import { type BenchSection, median } from './report.ts'

const ROUNDS = 10
const RESOURCE = 'http://localhost:3232/mcp'
const user = { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read'] }

/** A whole sign-in through the bridge in Chromium, with a provider and a person who take no time. */
export async function run(): Promise<BenchSection> {
  const servers = await startServers()
  const browser = await launchChromium()
  try {
    const samples: number[] = []
    // The first one pays for what is loaded once.
    await signIn(browser, servers)
    while (samples.length < ROUNDS) samples.push(await signIn(browser, servers))
    return {
      title: 'sign-in: the bridge in Chromium',
      method:
        'From the authorization request to the tokens: two pages, the provider and back; a new browser profile each round.',
      measurements: [{ name: 'whole sign-in', unit: 'ms', samples }],
      targets: [{ name: 'whole sign-in, ms', actual: median(samples), limit: 1000 }],
    }
  } finally {
    await browser.close()
    servers.close()
  }
}

interface Servers {
  issuer: string
  clientId: string
  redirectUri: string
  close(): void
}

async function startServers(): Promise<Servers> {
  const client = await listen((_req, res) => res.end('signed in'))
  const provider = await listen((req, res) => {
    const back = new URL(req.url ?? '', issuer)
    back.pathname = '/oauth/callback'
    res.writeHead(303, { location: back.href }).end()
  })
  const upstream: Upstream = {
    name: 'Example ID',
    depart: async ({ state }) => ({ url: `${provider.origin}/login?${new URLSearchParams({ state })}` }),
    identify: async () => ({ outcome: 'signed_in', user }),
  }
  let authorizationServer: AuthorizationServer | undefined
  const server = await listen((req, res) => authorizationServer?.handler(req, res))
  const issuer = server.origin
  authorizationServer = await createAuthorizationServer({ issuer, upstream, resources: [resource] })

  const redirectUri = `${client.origin}/callback`
  const response = await fetch(`${issuer}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }),
  })
  const { client_id } = (await response.json()) as { client_id: string }
  const close = () => [client, provider, server].map(each => each.close())
  return { issuer, clientId: client_id, redirectUri, close }
}

const resource = {
  resource: RESOURCE,
  scopes: { 'notes:read': 'Read your notes' },
  defaultScopes: ['notes:read'],
  clientId: 'notes-server',
  clientSecret: 'notes-server-secret',
}

/** @returns Milliseconds. */
async function signIn(browser: Browser, { issuer, clientId, redirectUri }: Servers): Promise<number> {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL('/oauth/authorize', issuer)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: RESOURCE,
  }).toString()
  const page = await browser.newPage()
  const start = performance.now()
  await page.goto(url.href)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(`${redirectUri}?**`)
  const response = await fetch(`${issuer}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      code: new URL(page.url()).searchParams.get('code') ?? '',
    }),
  })
  const milliseconds = performance.now() - start
  if (!response.ok) throw new Error(`no tokens: ${await response.text()}`)
  await page.close()
  return milliseconds
}

async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, 'localhost')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, close }
}
