import { UnsecuredJWT } from 'jose'
import { expect, test } from 'vitest'
import { type AttackOptions, attackServer } from '../../../../app/commands/doctor/attack.ts'
import type { FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import { createProbe } from '../../../../app/commands/doctor/probe.ts'
import type { ServerFacts } from '../../../../app/commands/doctor/server.ts'
import { checkServer } from '../../../../app/commands/doctor/server.ts'
import { startServers } from '../../../e2e/servers.ts'
import { signIn } from '../../../support/browser.ts'
import { listen } from '../../../support/http.ts'

const ISSUER = 'https://mcp.example.com'
const REDIRECT = 'http://127.0.0.1:8766/callback'
const facts: ServerFacts = {
  url: `${ISSUER}/mcp`,
  protects: true,
  pages: 'any',
  challenge: { text: '', parameters: { resource_metadata: `${ISSUER}/.well-known/oauth-protected-resource/mcp` } },
  metadata: {},
  authorizationServers: [
    {
      issuer: ISSUER,
      metadata: {
        registration_endpoint: `${ISSUER}/register`,
        authorization_endpoint: `${ISSUER}/authorize`,
        token_endpoint: `${ISSUER}/token`,
      },
      registers: true,
      isReadable: true,
    },
  ],
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
    if (pathname in routes) return (await routes[pathname]?.(request)) as Response
    const host = request.headers.get('x-forwarded-host')
    const trusts = mistakes['attack.forwarded_host'] && host !== null
    return Response.json({ resource: `https://${trusts ? host : 'mcp.example.com'}/mcp` })
  }
}

async function attack(mistakes: Mistakes, changes: Partial<AttackOptions> = {}): Promise<string[]> {
  const probe = createProbe({ fetch: authorizationServer(mistakes) })
  const options = { probe, redirectUri: REDIRECT, signIn: async () => new URL(`${REDIRECT}?code=one`), ...changes }
  return (await attackServer(facts, options)).map(({ code }) => code)
}

test('finds nothing at an authorization server without mistakes', async () => {
  expect(await attack({})).toEqual([])
})

test.each([
  'attack.forwarded_host',
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

test('finds nothing where a token for somebody else is refused, or is for this server all the same', async () => {
  const issues = authorizationServer({ 'attack.audience_foreign': true })
  const refuses: typeof fetch = (input, init) => {
    const isCall = new Headers(init?.headers).has('authorization')
    return isCall ? Promise.resolve(new Response(null, { status: 401 })) : issues(input, init)
  }
  const ignores: typeof fetch = async (input, init) => {
    const answer = await issues(input, init)
    if (!String(input).endsWith('/token') || !answer.ok) return answer
    const own = new UnsecuredJWT({ aud: facts.url }).encode()
    return Response.json({ ...((await answer.json()) as object), access_token: own })
  }
  for (const each of [refuses, ignores]) expect(await attack({}, { probe: createProbe({ fetch: each }) })).toEqual([])
})

test('leaves the authorization server of a provider alone', async () => {
  const elsewhere = { ...facts, url: 'https://elsewhere.example.com/mcp' }
  const probe = createProbe({
    fetch: authorizationServer({ 'attack.pkce_plain': true, 'attack.redirect_unregistered': true }),
  })
  expect(await attackServer(elsewhere, { probe })).toEqual([])
})

test('finds token_in_query and two_credentials at a server that takes the first token it sees', async () => {
  const server = await listen((request, response) => {
    const token =
      request.headers.authorization ?? new URL(request.url ?? '', 'http://localhost').searchParams.get('access_token')
    response.writeHead(token?.includes('good') ? 200 : 401).end()
  })
  const url = `${server.origin}/mcp`
  const options = { probe: createProbe({ fetch }), token: 'good' }
  const found = await attackServer({ ...facts, url, challenge: undefined, authorizationServers: [] }, options)
  await server.close()
  expect(found.map(({ code }) => code)).toEqual(['attack.token_in_query', 'attack.two_credentials'])
})

test('finds nothing at our own servers, with a sign-in', async () => {
  const { resource } = await startServers()
  const probe = createProbe({ fetch })
  const own = (await checkServer(resource, probe)).facts
  const found = await attackServer(own, { probe, redirectUri: REDIRECT, signIn: url => signIn(url) })
  expect(found).toEqual([])
})
