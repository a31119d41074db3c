import { setTimeout as wait } from 'node:timers/promises'
import { createAuth, type Decision } from 'idplug'
import { createTestIssuer } from 'idplug/testing'
import { createGateway } from '../../../app/gateway/gateway.ts'
import { createHttpTarget } from '../../../app/gateway/http-target.ts'
import { createLogger } from '../../../app/observe/log.ts'
import { createHttpServer } from '../../../src/edges/http-server.ts'
import { listen } from '../../support/http.ts'

// A process whose memory is that of a gateway only. Argument: the endpoint of the target. Needs --expose-gc.
// Says where it is reached and with which token; answers every message with the bytes that are in use.

const url = new URL(process.argv[2] as string)
const logger = createLogger('info', { write() {} })
const issuer = createTestIssuer()
let last: Decision | undefined
const auth = createAuth(
  { name: 'Target', resource: 'http://localhost/mcp', scopes: {} },
  {
    env: {},
    providers: [issuer.provider],
    observer: {
      decision(decision) {
        last = decision
      },
    },
  },
)
const owns = () => false
const { endpoint } = createGateway({
  auth,
  name: 'target',
  identity: { headersFor: async () => ({}), owns, close: async () => {} },
  target: createHttpTarget({ url, name: 'target', logger, owns }),
  logger,
  mostOfPerson: 10_000,
  lastDecision: () => last,
  onError(error) {
    throw error
  },
})
const { origin, port } = await listen(createHttpServer(endpoint))

process.on('message', async () => {
  // What one collection finalizes, the next one frees.
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.()
    await wait(20)
  }
  const { heapUsed, external } = process.memoryUsage()
  process.send?.(heapUsed + external)
})
process.on('disconnect', () => process.exit())
process.send?.({ url: `${origin}/mcp`, port, token: await issuer.token() })
