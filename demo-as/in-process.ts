import type { RequestListener } from 'node:http'
import { inject } from 'light-my-request'

/** They speak of a connection that there is not (RFC 9110 §7.6.1). A server that sent them on would contradict its own. */
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding'])

/**
 * A `fetch` that hands requests to a listener without a network: for a server that asks the authorization server of its own process,
 * whatever proxy, port or certificate stands between the two outside. Also serves platforms whose requests are not Node's.
 *
 * @param address - Of the client. Default: this machine.
 */
export function fetchInProcess(listener: RequestListener, address?: string): typeof globalThis.fetch {
  return async (input, init) => {
    // Taken as it is where it can be: servers such as srvx bring a class of their own, and the platform makes no other of those.
    const request = typeof input === 'object' && 'headers' in input && !init ? input : new Request(input, init)
    const { host } = new URL(request.url)
    const body = request.body ? Buffer.from(await request.arrayBuffer()) : undefined
    const { statusCode, headers, rawPayload } = await inject(listener, {
      method: request.method as 'GET',
      url: request.url,
      headers: { ...Object.fromEntries(request.headers), host },
      payload: body,
      remoteAddress: address,
    })
    const answer = new Headers()
    for (const [name, value] of Object.entries(headers)) {
      if (OF_THE_CONNECTION.has(name)) continue
      for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) answer.append(name, String(one))
    }
    const hasBody = request.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
    return new Response(hasBody ? new Uint8Array(rawPayload) : null, { status: statusCode, headers: answer })
  }
}
