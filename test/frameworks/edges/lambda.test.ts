import express from 'express'
import serverless from 'serverless-http'
import { expect, it } from 'vitest'
import { createAuth } from '../../../auth/create-auth.ts'
import { authRoutes, protect } from '../../../src/edges/express.ts'
import { createTestIssuer } from '../../../src/testing/index.ts'
import { files } from '../files.ts'

/** What API Gateway hands to a function. */
function event(method: string, authorization?: string, body?: object) {
  const text = body && JSON.stringify(body)
  return {
    version: '2.0',
    rawPath: '/mcp',
    rawQueryString: '',
    headers: {
      host: new URL(files.resource).host,
      ...(authorization && { authorization }),
      ...(text && { 'content-type': 'application/json', 'content-length': String(text.length) }),
    },
    requestContext: { http: { method, path: '/mcp', sourceIp: '192.0.2.1' } },
    isBase64Encoded: false,
    ...(text && { body: text }),
  }
}

// Its requests are made up: without raw headers, and with lengths that are numbers.
it('idplug/express works behind serverless-http on Lambda', async () => {
  const issuer = createTestIssuer()
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], observer: {} })
  const app = express()
  app.use(authRoutes(auth))
  app.all('/mcp', protect(auth), (req, res) => void res.json([req.method, req.body?.method]))
  const handle = serverless(app)
  const answer = async (...args: Parameters<typeof event>) => {
    const { statusCode, body } = (await handle(event(...args), {})) as { statusCode: number; body: string }
    return [statusCode, JSON.parse(body)]
  }
  const authorization = `Bearer ${await issuer.token({ scopes: files.initialScopes })}`
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  expect(await answer('POST', undefined, list)).toEqual([401, expect.anything()])
  expect(await answer('POST', authorization, list)).toEqual([200, ['POST', 'tools/list']])
  expect(await answer('DELETE', authorization)).toEqual([200, ['DELETE', null]])
  await auth.close()
})
