import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { configure, createAuth, createJwtValidator, defineAdapter } from 'idplug'
import { parseIpRange } from 'idplug/internal'
import { z } from 'zod'
import { createUnseenBody } from '../app/forward-auth/asked-operation.ts'
import { createForwardAuth } from '../app/forward-auth/handler.ts'
import { createCallerIdentity } from '../app/gateway/identity.ts'
import { createAssertionKeys } from '../app/gateway/identity-keys.ts'
import type { CompositionSettings } from './http-compositions.ts'

// What nginx asks, in one process: a server that always says yes, and forward auth. And, when asked for alone, the server behind nginx.

const { issuer, resource, jwksUri } = JSON.parse(process.argv[3] ?? '{}') as CompositionSettings

const declaration = {
  name: 'Bench',
  resource,
  scopes: { 'notes:read': 'Read', 'notes:write': 'Write' },
  initialScopes: ['notes:read'],
  access: { tools: { add_note: ['notes:write'] } },
  mcpHeaders: 'compared',
} as const

function forwardAuth(): RequestListener {
  const adapter = defineAdapter({
    name: 'bench',
    title: 'Bench',
    options: z.strictObject({ adapter: z.literal('bench') }),
    create: (_options, context) =>
      createJwtValidator({ issuer, jwksUri, audience: { audience: [resource] }, types: ['at+jwt'] }, context),
  })
  const auth = createAuth(declaration, {
    env: { TRUSTED_PROXIES: '127.0.0.1' },
    providers: [configure(adapter, {})],
    observer: {},
  })
  const keys = createAssertionKeys()
  const identity = createCallerIdentity({ kind: 'headers' }, { issuer, audience: resource, keys })
  return createForwardAuth({
    servers: new Map([['bench', { auth, identity, unseenBody: createUnseenBody(declaration) }]]),
    proxies: ['127.0.0.0/8', '::1'].flatMap(range => parseIpRange(range) ?? []),
    onMisconfigured: reason => console.error(reason),
    onError: error => console.error(error),
  })
}

const makers: Record<string, () => RequestListener> = {
  yes: () => (_request, response) => void response.writeHead(200, { 'Content-Length': 0 }).end(),
  'forward-auth': forwardAuth,
  target: () => (request, response) => {
    request.resume()
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":{}}')
  },
}

const ports: number[] = []
for (const name of (process.argv[2] ?? '').split(',')) {
  const make = makers[name]
  if (!make) throw new Error(`there is no server ${name}`)
  const server = createServer(make()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports.push((server.address() as AddressInfo).port)
}
process.send?.({ ports })

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system, heap: 0 })
})
process.on('disconnect', () => process.exit())
