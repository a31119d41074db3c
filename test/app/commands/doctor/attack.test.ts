import type { RequestListener } from 'node:http'
import { UnsecuredJWT } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { attackResource, attackServer } from '../../../../app/commands/doctor/attack.ts'
import {
  type AuthorizationServerAttack,
  attackAuthorizationServer,
} from '../../../../app/commands/doctor/attack-authorization-server.ts'
import type { FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import { finding } from '../../../../app/commands/doctor/finding.ts'
import { createProbe } from '../../../../app/commands/doctor/probe.ts'
import type { ServerFacts } from '../../../../app/commands/doctor/server.ts'
import { checkServer } from '../../../../app/commands/doctor/server.ts'
import { startServers } from '../../../e2e/servers.ts'
import { signIn } from '../../../support/browser.ts'
import { listen } from '../../../support/http.ts'

const ISSUER = 'https://mcp.example.com'
const REDIRECT = 'http://127.0.0.1:8766/callback'
const metadata = {
  registration_endpoint: `${ISSUER}/register`,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
}

type Mistakes = Partial<Record<FindingCode, true>>

/** An authorization server that does as it should, but for the mistakes that it is told to make. */
function authorizationServer(mistakes: Mistakes): typeof globalThis.fetch {
  let tokens = 0
  const used = new Set<string>()
  const redirect = (uri: string, answer: string) =>
    new Response(null, { status: 302, headers: { location: `${uri}?${answer}` } })

  const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
    async '/register'(request) {
      const { redirect_uris } = (await request.json()) as { redirect_uris: string[] }
      const refused = redirect_uris[0]?.startsWith('javascript:') && !mistakes['attack.script_redirect_registered']
      if (refused) return Response.json({ error: 'invalid_redirect_uri' }, { status: 400 })
      return Response.json({ client_id: 'client' }, { status: 201 })
    },
    '/authorize'(request) {
      const { searchParams } = new URL(request.url)
      const uri = searchParams.get('redirect_uri') ?? ''
      if (uri !== REDIRECT) {
        return mistakes['attack.redirect_unregistered'] ? redirect(uri, 'code=1') : new Response('', { status: 400 })
      }
      const method = searchParams.get('code_challenge_method')
      if (method === null && !mistakes['attack.pkce_optional']) return redirect(uri, 'error=invalid_request')
      if (method === 'plain' && !mistakes['attack.pkce_plain']) return redirect(uri, 'error=invalid_request')
      if (method === 'S256' && mistakes['attack.consent_missing']) return redirect(uri, 'code=1')
      return new Response('<form>Allow?</form>')
    },
    async '/token'(request) {
      const form = new URLSearchParams(await request.text())
      const isCode = form.get('grant_type') === 'authorization_code'
      const credential = form.get('code') ?? form.get('refresh_token') ?? ''
      const repeatable = mistakes[isCode ? 'attack.code_raced' : 'attack.refresh_raced']
      if (used.has(credential) && !repeatable) return Response.json({ error: 'invalid_grant' }, { status: 400 })
      used.add(credential)
      tokens++
      const resource = form.get('resource') ?? ''
      if (resource && !mistakes['attack.audience_foreign'])
        return Response.json({ error: 'invalid_target' }, { status: 400 })
      const foreign = new UnsecuredJWT({ aud: resource }).encode()
      return Response.json({ access_token: resource ? foreign : `a${tokens}`, refresh_token: `r${tokens}` })
    },
  }
  return async (input, init) => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    return (await routes[pathname]?.(request)) ?? new Response(null, { status: 404 })
  }
}

async function attack(mistakes: Mistakes, changes: Partial<AuthorizationServerAttack> = {}): Promise<string[]> {
  const options = {
    probe: createProbe({ fetch: authorizationServer(mistakes) }),
    host: new URL(ISSUER).hostname,
    redirectUri: REDIRECT,
    signIn: async () => new URL(`${REDIRECT}?code=one`),
    bringForeignToken: async () => [finding('attack.audience_foreign', 'status 200')],
    ...changes,
  }
  return (await attackAuthorizationServer(metadata, options)).map(({ code }) => code)
}

test('finds nothing at an authorization server without mistakes', async () => {
  expect(await attack({})).toEqual([])
})

test.each([
  'attack.script_redirect_registered',
  'attack.redirect_unregistered',
  'attack.pkce_optional',
  'attack.pkce_plain',
  'attack.consent_missing',
  'attack.code_raced',
  'attack.refresh_raced',
  'attack.audience_foreign',
] as const)('finds %s, and nothing else, where that is the mistake', async code => {
  expect(await attack({ [code]: true })).toEqual([code])
})

test('brings no token that is for this server all the same', async () => {
  const issues = authorizationServer({ 'attack.audience_foreign': true })
  const ignores: typeof fetch = async (input, init) => {
    const answer = await issues(input, init)
    if (!String(input).endsWith('/token') || !answer.ok) return answer
    const own = new UnsecuredJWT({ aud: `${ISSUER}/mcp` }).encode()
    return Response.json({ ...((await answer.json()) as object), access_token: own })
  }
  expect(await attack({}, { probe: createProbe({ fetch: ignores }) })).toEqual([])
})

test.each(['registration_endpoint', 'authorization_endpoint', 'token_endpoint'] as const)(
  'calls no %s on a host that nobody named',
  async endpoint => {
    const called: string[] = []
    const answer = authorizationServer({})
    const probe = createProbe({
      fetch(input, init) {
        called.push(new URL(String(input)).hostname)
        return answer(input, init)
      },
    })
    const bringForeignToken = async () => []
    const elsewhere = { ...metadata, [endpoint]: 'https://id.example.net/endpoint' }
    const signIn = async () => new URL(`${REDIRECT}?code=one`)
    const options = { probe, host: new URL(ISSUER).hostname, redirectUri: REDIRECT, signIn, bringForeignToken }
    expect(await attackAuthorizationServer(elsewhere, options)).toEqual([])
    expect(called).not.toContain('id.example.net')
  },
)

test('leaves the authorization server of a provider alone', async () => {
  const server = await listen((_, response) => response.writeHead(401).end())
  onTestFinished(server.close)
  const url = `${server.origin}/mcp`
  const facts: ServerFacts = { ...(await checkServer(url, createProbe({ fetch }))).facts }
  const authorizationServers = [{ issuer: ISSUER, metadata, registers: true, isReadable: true }]
  const mistakes = { 'attack.pkce_plain': true, 'attack.redirect_unregistered': true } as const
  const probe = createProbe({ fetch: authorizationServer(mistakes) })
  expect(await attackServer({ ...facts, authorizationServers }, { probe })).toEqual([])
})

/** An MCP server that takes the first token it sees, and says what it is asked to. */
const naive: RequestListener = (request, response) => {
  const { searchParams } = new URL(request.url ?? '', 'http://localhost')
  const token = request.headers.authorization ?? searchParams.get('access_token') ?? ''
  const host = request.headers['x-forwarded-host'] ?? 'mcp.example.com'
  response.setHeader('www-authenticate', `Bearer resource_metadata="https://${host}/metadata"`)
  response.writeHead(/good|foreign/.test(token) ? 200 : 401).end()
}

test('finds what a naive server does with tokens, and with the headers of strangers', async () => {
  const server = await listen(naive)
  onTestFinished(server.close)
  const found = await attackResource(`${server.origin}/mcp`, { token: 'good', 'other-audience-token': 'foreign' })
  const codes = found.map(({ code }) => code)
  expect(codes).toEqual(
    expect.arrayContaining([
      'attack.forwarded_host',
      'attack.two_credentials',
      'attack.token_in_query',
      'attack.audience_foreign',
      'attack.must_not_met',
      'attack.should_not_met',
    ]),
  )
  expect(found.find(({ code }) => code === 'attack.must_not_met')).toMatchObject({
    seen: expect.stringMatching(/^C16 .+ \(status 200\)$/),
    cure: expect.stringContaining('--only C16'),
  })
  expect(JSON.stringify(found)).not.toMatch(/Bearer good/)
})

test('finds nothing at our own servers, with a sign-in', async () => {
  const { resource } = await startServers()
  const probe = createProbe({ fetch })
  const own = (await checkServer(resource, probe)).facts
  const found = await attackServer(own, { probe, redirectUri: REDIRECT, signIn: url => signIn(url) })
  expect(found).toEqual([])
})
