import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { createTestIssuer } from 'idplug/testing'
import { describe, expect, it } from 'vitest'

const files = {
  resource: 'https://mcp.example.com/mcp',
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const

/** A user's test of their own server. */
function server(options: Parameters<typeof createTestIssuer>[0] = {}) {
  const issuer = createTestIssuer(options)
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], now: options.now })
  const handle = protect(auth, (_request, { token }) => Response.json({ subject: token?.subject }))
  const call = async (token: string | undefined, tool = 'write_file') =>
    handle(
      new Request(files.resource, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
      }),
    )
  return { issuer, auth, call }
}

describe('createTestIssuer', () => {
  it('mints a token that the server accepts', async () => {
    const { issuer, call } = server()
    const response = await call(await issuer.token({ scopes: ['files:write'] }))
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ subject: 'ada' })
  })

  it.each([
    ['without the scope', { scopes: ['files:read'] }, 403],
    ['for another server', { audience: 'https://other.example/mcp' }, 401],
    ['without an audience', { audience: null }, 401],
    ['that has expired', { expiresInSeconds: -60 }, 401],
    ['of nobody', { claims: { sub: undefined } }, 401],
  ])('mints one %s, which is refused', async (_how, changes, status) => {
    const { issuer, call } = server()
    expect((await call(await issuer.token({ scopes: ['files:write'], ...changes }))).status).toBe(status)
  })

  it('is named in the metadata as the authorization server', async () => {
    const { issuer, auth } = server()
    expect((await auth.metadata()).authorization_servers).toEqual([issuer.issuer])
  })

  it('answers no request with 401 while it is down, and all again afterwards', async () => {
    const { issuer, call } = server()
    const before = await issuer.token({ scopes: ['files:write'] })
    expect((await call(before)).status).toBe(200)
    issuer.goDown()
    const during = await issuer.token({ scopes: ['files:write'] })
    expect((await call(during)).status).toBe(503)
    expect((await call(before)).status).toBe(200)
  })

  it('lets a token that was made in the outage pass when it is over and the back-off, too', async () => {
    let time = Date.now()
    const { issuer, call } = server({ now: () => time })
    expect((await call(await issuer.token({ scopes: ['files:write'] }))).status).toBe(200)
    issuer.goDown()
    const during = await issuer.token({ scopes: ['files:write'] })
    expect((await call(during)).status).toBe(503)
    issuer.comeBack()
    time += 120_000
    expect((await call(during)).status).toBe(200)
  })

  it('marks a token of a machine by subject and client', async () => {
    const { issuer, auth } = server()
    const token = await auth.validator.validate(await issuer.token({ subject: 'job', clientId: 'job' }))
    expect(token.principalType).toBe('service')
  })

  it('says what is missing where nobody knows for whom a token is', async () => {
    await expect(createTestIssuer().token()).rejects.toThrow('Make the auth first, or name resource or audience')
  })

  it('is not another one', async () => {
    const [one, other] = [server(), server()]
    expect((await one.call(await other.issuer.token({ scopes: ['files:write'] }))).status).toBe(401)
  })
})
