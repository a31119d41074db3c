import type { RequestListener } from 'node:http'

/** The authority of a target that is a whole URL (RFC 9112 §3.2.2). */
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i

/**
 * Refuses with 400 a request whose target is a URL of another host than `Host` names. The target counts for some, `Host` for others, so that
 * a proxy in front may have let it through as a request for somebody else. Two `Host` headers are refused by the edges of the library.
 */
export function ofOneHost(listener: RequestListener): RequestListener {
  return (request, response) => {
    const { url = '', headers } = request
    const authority = url.startsWith('/') ? undefined : AUTHORITY.exec(url)?.[1]
    if (authority === undefined || authority.toLowerCase() === headers.host?.toLowerCase()) {
      return listener(request, response)
    }
    const error_description = 'The request target is of another host than the Host header names.'
    const text = JSON.stringify({ error: 'invalid_request', error_description })
    response.writeHead(400, { 'Content-Type': 'application/json', 'Content-Length': text.length }).end(text)
  }
}
