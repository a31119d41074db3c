import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { assertSafeUrl, createGuardedFetch, UnsafeUrlError } from '../../../app/client/guarded-fetch.ts'
import { listen } from '../../support/http.ts'

const here = new URL('http://localhost:3000/mcp')
const faraway = new URL('https://mcp.example.com/mcp')

async function serve(handler: (req: IncomingMessage, res: ServerResponse) => void): Promise<URL> {
  const { close, port } = await listen(handler)
  onTestFinished(close)
  return new URL(`http://localhost:${port}/`)
}

describe('a URL that a server named', () => {
  it.each([
    'http://id.example.com/authorize',
    'http://169.254.169.254/latest/meta-data',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'vscode://evil',
    'https://user:password@id.example.com/',
  ])('%s is refused', url => {
    expect(() => assertSafeUrl(new URL(url), faraway, 'the authorization endpoint')).toThrow(UnsafeUrlError)
    expect(() => assertSafeUrl(new URL(url), here, 'the authorization endpoint')).toThrow(UnsafeUrlError)
  })

  it.each(['http://localhost:9000/', 'http://127.0.0.1/', 'https://localhost/', 'http://[::1]:8080/'])(
    '%s is refused where the server is far away, which could have this machine called otherwise',
    url => {
      expect(() => assertSafeUrl(new URL(url), faraway, 'it')).toThrow('points to the machine that asks')
      expect(() => assertSafeUrl(new URL(url), here, 'it')).not.toThrow()
    },
  )

  it('shows no query in the error, where a token could be', () => {
    const url = new URL('http://id.example.com/authorize?code=secret#secret')
    expect(() => assertSafeUrl(url, here, 'it')).toThrow(
      /^it is http:, not https:: http:\/\/id.example.com\/authorize$/,
    )
  })
})

describe('requests of a sign-in', () => {
  it('are refused before they are sent', async () => {
    const never = () => Promise.reject(new Error('sent'))
    await expect(createGuardedFetch(faraway, never)('http://id.example.com/token')).rejects.toThrow(UnsafeUrlError)
  })

  it('say which server gives no answer, if it is not the MCP server', async () => {
    const failure = new TypeError('fetch failed')
    const guarded = createGuardedFetch(here, () => Promise.reject(failure))
    await expect(guarded('http://localhost:4000/token')).rejects.toMatchObject({
      name: 'NoAnswerError',
      origin: 'http://localhost:4000',
      cause: failure,
    })
    await expect(guarded(here.href)).rejects.toBe(failure)
  })

  it('follow a redirect within the origin', async () => {
    const origin = await serve((req, res) => {
      if (req.url === '/a') res.writeHead(302, { location: '/b' }).end()
      else res.end(JSON.stringify({ at: req.url }))
    })
    const response = await createGuardedFetch(here, fetch)(new URL('/a', origin))
    expect(await response.json()).toEqual({ at: '/b' })
  })

  it('follow none to another origin, none of a POST, and not more than three', async () => {
    const other = await serve((_req, res) => res.end('other'))
    const origin = await serve((req, res) => {
      const location = req.url === '/elsewhere' ? other.href : '/round'
      res.writeHead(307, { location }).end()
    })
    const guarded = createGuardedFetch(here, fetch)
    await expect(guarded(new URL('/elsewhere', origin))).rejects.toThrow(`redirects to ${other.origin}`)
    await expect(guarded(new URL('/token', origin), { method: 'POST', body: 'code=x' })).rejects.toThrow('redirects')
    await expect(guarded(new URL('/round', origin))).rejects.toThrow('redirects')
  })

  it('end at a megabyte', async () => {
    const origin = await serve((_req, res) => res.end('x'.repeat(1_000_001)))
    await expect(createGuardedFetch(here, fetch)(origin)).rejects.toThrow('larger than 1 MB')
  })
})
