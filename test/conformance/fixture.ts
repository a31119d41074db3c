import type { RequestListener } from 'node:http'
import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { InMemoryServerEventBus } from '@modelcontextprotocol/server'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createSite, protectedEndpoint } from '../../app/serve/http.ts'
import { createMcpEndpoint } from '../../app/serve/mcp/endpoint.ts'
import { authFrom } from '../../auth/auth-from.ts'
import type { Decision } from '../../src/auth.ts'
import { createHttpServer } from '../../src/edges/http-server.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { listen } from '../support/http.ts'
import { createLegacyFixture } from './fixture-legacy.ts'
import { createModernFixture } from './fixture-modern.ts'
import { startTokenProxy } from './token-proxy.ts'

const ISSUER = 'https://issuer.example'

export interface Fixture {
  /** Where the suite finds the server; adds a token to what passes. */
  readonly url: string
  /** The server itself. */
  readonly resource: string
  readonly decisions: readonly Decision[]
  /** Errors that are bugs; has to stay empty. */
  readonly errors: readonly unknown[]
  close(): Promise<void>
}

/** The suite's own server behind this project's HTTP side, token validation and MCP endpoint. */
export async function startFixture(): Promise<Fixture> {
  const bus = new InMemoryServerEventBus()
  const endpoint = createMcpEndpoint({
    servers: {
      createLegacy: createLegacyFixture,
      createModern: () => createModernFixture(bus),
      createEventStore,
      bus,
    },
    now: Date.now,
  })
  let app: RequestListener = () => {}
  const server = await listen(createHttpServer((req, res) => app(req, res)))
  const resource = `${server.origin}/mcp`
  const { token, validator } = await createIssuer(resource)
  const decisions: Decision[] = []
  const errors: unknown[] = []
  const auth = authFrom(
    {
      resource,
      name: 'Conformance fixture',
      scopes: { 'suite:run': 'Run the suite' },
      initialScopes: ['suite:run'],
    },
    validator,
    { observer: { decision: decision => decisions.push(decision) } },
  )
  const onError = (error: unknown) => errors.push(error)
  const served = { auth, name: 'Conformance fixture', endpoint: protectedEndpoint(auth, endpoint.handle, onError) }
  app = createSite({ servers: [served], onError })
  const proxy = await startTokenProxy(server.origin, token)
  return {
    url: `${proxy.origin}/mcp`,
    resource,
    decisions,
    errors,
    async close() {
      await proxy.close()
      await endpoint.close()
      await auth.close()
      await server.close()
    },
  }
}

/** An access token (RFC 9068), and the validator that fetches its key. */
async function createIssuer(resource: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256' }] }
  const token = await new SignJWT({ client_id: 'suite', scope: 'suite:run' })
    .setProtectedHeader({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt' })
    .setIssuer(ISSUER)
    .setAudience(resource)
    .setSubject('user-1')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey)
  const validator = createJwtValidator(
    { issuer: ISSUER, jwksUri: `${ISSUER}/jwks`, audience: { audience: [resource] }, types: ['at+jwt'] },
    { resource, fetch: async () => Response.json(jwks), now: Date.now },
  )
  return { token, validator }
}

/** Events of one session, all of them kept: a run is short. */
function createEventStore(): EventStore {
  const events: { streamId: string; message: JSONRPCMessage }[] = []
  return {
    storeEvent: async (streamId, message) => String(events.push({ streamId, message }) - 1),
    getStreamIdForEventId: async eventId => events[Number(eventId)]?.streamId,
    async replayEventsAfter(lastEventId, { send }) {
      const last = Number(lastEventId)
      const streamId = events[last]?.streamId
      if (streamId === undefined) throw new Error(`There is no event ${lastEventId}`)
      for (const [index, event] of events.entries()) {
        if (index > last && event.streamId === streamId) await send(String(index), event.message)
      }
      return streamId
    },
  }
}
