import type { RequestListener } from 'node:http'
import { createAuth, type Decision, type ResourceDeclaration } from 'idplug'
import { createTestIssuer, type TestTokenChanges } from 'idplug/testing'
import { onTestFinished } from 'vitest'
import { createGateway, type GatewayOptions } from '../../../app/gateway/gateway.ts'
import { createHttpTarget, type HttpTargetOptions } from '../../../app/gateway/http-target.ts'
import { createLogger } from '../../../app/observe/log.ts'
import { createHttpServer } from '../../../src/edges/http-server.ts'
import { listen } from '../../support/http.ts'

export interface Fixture {
  readonly url: string
  readonly port: number
  token(changes?: TestTokenChanges): Promise<string>
  /** Posts a message, with a token of Ada's unless the headers have another. */
  post(body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>
  /** Any other request. */
  send(method: string, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>
  events(name?: string): Record<string, unknown>[]
  /** What the auth has decided. */
  decisions(): readonly Decision[]
  close(): Promise<void>
}

export interface FixtureOptions {
  readonly declaration?: Partial<ResourceDeclaration>
  readonly target?: Partial<HttpTargetOptions>
  readonly gateway?: Partial<GatewayOptions>
}

/** A gateway over real HTTP in front of a target of the test. */
export async function startFixture(target: RequestListener | string, options: FixtureOptions = {}): Promise<Fixture> {
  const origin = typeof target === 'string' ? target : (await listenInTest(target)).origin
  const issuer = createTestIssuer()
  const decisions: Decision[] = []
  const lines: string[] = []
  const logger = createLogger('debug', { write: line => void lines.push(line) })
  const auth = createAuth(
    { name: 'Target', resource: 'http://localhost/mcp', scopes: {}, ...options.declaration },
    {
      env: {},
      providers: [issuer.provider],
      observer: {
        decision: decision => void decisions.push(decision),
      },
    },
  )
  const owns = (name: string) => name.startsWith('x-mcp-')
  const identity = {
    headersFor: async () => ({ 'x-mcp-user': 'from the gateway' }),
    owns,
    close: async () => {},
  }
  const url = new URL('/mcp?key=1', origin)
  const opened = createHttpTarget({ url, name: 'target', logger, owns, ...options.target })
  const gateway = createGateway({
    auth,
    name: 'target',
    identity,
    logger,
    target: opened,
    lastDecision: () => decisions.at(-1),
    onError: error => lines.push(JSON.stringify({ event: 'bug', message: String(error) })),
    ...options.gateway,
  })
  const server = await listen(createHttpServer(gateway.endpoint))
  const close = async () => {
    await gateway.close()
    await server.close()
    await opened.close()
    await auth.close()
  }
  onTestFinished(close)
  const endpoint = `${server.origin}/mcp`
  const ada = await issuer.token({ scopes: Object.keys(options.declaration?.scopes ?? {}) })
  return {
    url: endpoint,
    port: server.port,
    token: changes => issuer.token(changes),
    post: (body, headers = {}, signal) =>
      fetch(endpoint, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${ada}`,
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        signal,
      }),
    send: (method, headers = {}, signal) =>
      fetch(endpoint, { method, headers: { Authorization: `Bearer ${ada}`, ...headers }, signal, redirect: 'manual' }),
    decisions: () => decisions,
    events: name =>
      lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(({ event }) => !name || event === name),
    close,
  }
}

export async function listenInTest(listener: RequestListener) {
  const listening = await listen(listener)
  onTestFinished(listening.close)
  return listening
}

/** Reads the whole body of a request to a target. */
export async function textOf(request: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
