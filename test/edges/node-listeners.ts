import type { RequestListener } from 'node:http'
import { text } from 'node:stream/consumers'
import { protect } from '../../src/edges/node.ts'
import type { ServerPlan } from './edge-fixture.ts'
import { sendResponse } from './send-response.ts'

/** What stands behind `protect` of idplug/node, by path. */
export function nodeListeners({ mounted, handler }: ServerPlan): Map<string, RequestListener> {
  return new Map(
    mounted.map(({ path, auth }) => [
      path,
      protect(auth, async (request, response) => {
        const { method = '', body, auth: authInfo, token } = request
        sendResponse(response, await handler({ method, body, authInfo, token, text: () => text(request) }))
      }),
    ]),
  )
}
