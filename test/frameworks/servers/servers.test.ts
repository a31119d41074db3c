import { serve } from '@hono/node-server'
import { expect } from 'vitest'
import { freePort, listen } from '../../support/http.ts'
import { closing } from '../support/closing.ts'
import { describeFit } from '../support/describe-fit.ts'
import { createFilesServer as createFastify } from './fastify.ts'
import { createFilesServer as createFastMcp } from './fastmcp.ts'
import { createFilesServer as createHono } from './hono.ts'
import { createFilesServer as createHonoMcp } from './hono-mcp.ts'
import { createFilesServer as createMcpUse } from './mcp-use.ts'
import { createFilesServer as createNest } from './nest.ts'
import { createFilesServer as createSdk2 } from './sdk2-express.ts'

const serveHono = ({ fetch }: { fetch: (request: Request, env?: never) => Response | Promise<Response> }) =>
  new Promise<{ origin: string; close(): Promise<void> }>(resolve => {
    const server = serve({ fetch: fetch as never, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve({ origin: `http://127.0.0.1:${port}`, close: closing(server) }),
    )
  })

describeFit({ name: 'Hono with SDK 2.x', start: ({ auth }) => serveHono(createHono(auth)) })

describeFit({ name: 'Hono with @hono/mcp and SDK 1.x', start: ({ auth }) => serveHono(createHonoMcp(auth)) })

describeFit({
  name: 'Fastify with SDK 1.x',
  async start({ auth }) {
    const app = createFastify(auth)
    return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: closing(app.server) }
  },
})

describeFit({
  name: 'NestJS with SDK 2.x',
  async start({ auth }) {
    const app = await createNest(auth)
    await app.listen(0, '127.0.0.1')
    return { origin: await app.getUrl(), close: () => app.close() }
  },
})

describeFit({ name: 'mcp-use with protect in front', start: async ({ auth }) => serveHono(await createMcpUse(auth)) })

describeFit({
  name: 'fastmcp with authenticate',
  async beyond(response) {
    // It decides about tools when the answer has begun: such a tool does not exist for the caller.
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('Unknown tool')
  },
  async start({ auth }) {
    const server = createFastMcp(auth)
    const port = await freePort()
    const httpStream = { port, host: '127.0.0.1', endpoint: '/mcp', stateless: true } as const
    await server.start({ transportType: 'httpStream', httpStream })
    return { origin: `http://127.0.0.1:${port}`, close: () => server.stop() }
  },
})

describeFit({
  name: 'requireBearerAuth of @modelcontextprotocol/express with the validator of an auth',
  outage: 500, // it knows no 503
  start: ({ auth }) => listen(createSdk2(auth)),
})
