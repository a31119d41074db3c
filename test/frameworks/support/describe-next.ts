import { expect } from 'vitest'
import { describeEdge } from '../../edges/describe-edge.ts'
import type { RunningServer, ServerPlan } from '../../edges/edge-fixture.ts'
import { callTool } from '../../edges/world.ts'
import { describeFit } from './describe-fit.ts'

/** @param command - Whose server it is: `next dev` or `next start`. */
export function describeNext(command: string, next: { serve(plan: ServerPlan): Promise<RunningServer> }): void {
  describeEdge({
    name: `idplug/next with the server of Next 16, ${command}`,
    parsers: [],
    start: next.serve,
    instead: {
      'answers 400 invalid_request to two Authorization headers': {
        because: 'Node keeps the first of them, and route handlers never see the second',
        async run(makeWorld) {
          const { issuer, send } = await makeWorld()
          const call = async (first: string, second: string) => {
            const body = JSON.stringify(callTool('whoami'))
            const headers = {
              'content-type': 'application/json',
              authorization: [`Bearer ${first}`, `Bearer ${second}`],
            }
            return (await send({ method: 'POST', headers, body })).status
          }
          const token = await issuer.token()
          expect([await call(token, 'another'), await call('another', token)]).toEqual([200, 401])
        },
      },
    },
  })

  describeFit({
    name: `mcp-handler in a route of Next 16, ${command}`,
    path: '/tools/mcp',
    start: ({ auth }) =>
      next.serve({
        mounted: [{ path: '/tools/mcp', auth }],
        parser: 'none',
        port: 0,
        handler: () => new Response(null, { status: 404 }),
      }),
  })
}
