import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createTrace } from '../../../../app/commands/client/trace.ts'
import { startServers } from '../../../e2e/servers.ts'
import { personAt } from './person.ts'
import { addressIn, openTerminal } from './support.ts'

const server = new URL('https://mcp.example.com/mcp')

/** What is shown of one request, and what its sender gets. */
async function traced(answer: Response, url: string, init?: RequestInit): Promise<{ shown: string; got: Response }> {
  let shown = ''
  const { fetch } = createTrace(
    server,
    text => {
      shown += `${text}\n`
    },
    async () => answer,
  )
  return { got: await fetch(url, init), shown }
}

describe('idplug login --verbose', () => {
  it('shows every step of a sign-in, and no secret of it', async () => {
    const { issuer, resource } = await startServers()
    const terminal = openTerminal()
    let callback = ''
    const person = personAt()
    const { code, stderr } = await terminal.run(['login', resource, '--verbose', '--no-browser'], async said => {
      callback ||= new URL(addressIn(said) ?? 'http://127.0.0.1').searchParams.get('redirect_uri') ?? ''
      return person(said)
    })
    expect(code).toBe(0)
    const { origin } = new URL(resource)
    const inOrder = [
      `> POST ${resource}  server/discover`,
      '< 401 Unauthorized',
      `    WWW-Authenticate: Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp", scope="notes:read"`,
      `> GET ${origin}/.well-known/oauth-protected-resource/mcp`,
      `    authorization_servers: ${issuer}`,
      `> GET ${issuer}/.well-known/oauth-authorization-server`,
      `> POST ${issuer}/oauth/register`,
      '< 201 Created',
      `> in the browser: ${issuer}/oauth/authorize?…`,
      `    resource: ${resource}`,
      `< back at ${callback}`,
      '    code: (hidden)',
      `    iss: ${issuer}`,
      `> POST ${issuer}/oauth/token`,
      '    code_verifier: (hidden)',
      '< 200 OK',
      '    access_token: (hidden)',
      '    refresh_token: (hidden)',
      '    Authorization: Bearer (hidden)',
      '< 200 OK',
    ]
    const lines = stderr.split('\n')
    let at = 0
    for (const line of inOrder) {
      const found = lines.indexOf(line, at)
      expect(found, `${line}\n in\n${lines.slice(at).join('\n')}`).toBeGreaterThanOrEqual(0)
      at = found + 1
    }
    const kept = JSON.parse(readFileSync(terminal.tokens, 'utf8'))
    const [{ tokens }] = Object.values(kept.servers as Record<string, { tokens: Record<string, string> }[]>).flat() as [
      { tokens: Record<string, string> },
    ]
    expect(tokens.accessToken?.length).toBeGreaterThan(20)
    for (const secret of [tokens.accessToken, tokens.refreshToken]) expect(stderr).not.toContain(secret)
  })
})

describe('the trace of requests', () => {
  it('hides what it does not know, of forms, documents, queries and headers', async () => {
    const answer = Response.json({ scope: 'a', access_token: 'S3CRET', refresh_token: 'S3CRET', session: 'S3CRET' })
    const { got, shown } = await traced(answer, 'https://id.example.com/token?key=S3CRET', {
      method: 'POST',
      headers: { authorization: 'Basic S3CRET', dpop: 'S3CRET' },
      body: new URLSearchParams({ grant_type: 'password', password: 'S3CRET', client_assertion: 'S3CRET' }),
    })
    expect(shown).not.toContain('S3CRET')
    expect(shown.trimEnd().split('\n')).toEqual([
      '> POST https://id.example.com/token?…',
      '    Authorization: Basic (hidden)',
      '    DPoP: (hidden)',
      '    grant_type: password',
      '    client_assertion: (hidden)',
      '    and 1 more',
      '< 200',
      '    scope: a',
      '    access_token: (hidden)',
      '    refresh_token: (hidden)',
      '    and 1 more',
    ])
    expect(await got.json()).toMatchObject({ access_token: 'S3CRET' })
  })

  it('shows the method of a call to the MCP server, but neither its arguments nor the answer', async () => {
    const answer = Response.json({ result: { scope: 'S3CRET' } })
    const body = JSON.stringify({ method: 'tools/call', scope: 'S3CRET', params: { arguments: { text: 'S3CRET' } } })
    const { shown } = await traced(answer, server.href, { method: 'POST', body })
    expect(shown.trimEnd()).toBe('> POST https://mcp.example.com/mcp  tools/call\n< 200')
  })

  it('takes control characters out of what servers say, and cuts long values', async () => {
    const long = 'x'.repeat(1000)
    const answer = Response.json({ error: 'a\u001b[2Jb\nc', error_description: long }, { status: 400 })
    const { shown } = await traced(answer, 'https://id.example.com/token')
    expect(shown).toContain('    error: a[2Jb c\n')
    expect(shown).toContain(`    error_description: ${'x'.repeat(300)}…\n`)
  })

  it('leaves an answer without an end to whoever reads it', async () => {
    const endless = new ReadableStream<Uint8Array>({ pull: controller => controller.enqueue(new Uint8Array(10_000)) })
    const answer = new Response(endless, { headers: { 'content-type': 'application/json' } })
    const { got } = await traced(answer, 'https://id.example.com/keys')
    expect((await got.body?.getReader().read())?.value?.length).toBe(10_000)
  })
})
