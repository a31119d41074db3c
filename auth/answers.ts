import type { Answer, BodyProblem, RequestHead } from '../src/auth.ts'

/** Answers to bodies that cannot be read, as JSON-RPC errors. */
export const BODY_PROBLEMS: Readonly<Record<BodyProblem, readonly [status: number, code: number, message: string]>> = {
  not_json: [400, -32700, 'The body is not valid JSON.'],
  too_large: [413, -32600, 'The body is too large.'],
  not_json_type: [415, -32700, 'Send JSON: Content-Type must be application/json.'],
  incomplete: [400, -32600, 'The body ended early.'],
  ambiguous: [400, -32600, 'The body can be read in more than one way.'],
  unreadable: [415, -32600, 'Send the body as it is: its encoding is not supported.'],
}

/** To a request under another name than those of the resource; `idplug doctor` knows it by this sentence. */
export const HOST_NOT_SERVED =
  'This server does not serve the host named in the request: set PUBLIC_URL to the URL that clients use, or name the host in ALLOWED_HOSTS.'

export const ENDPOINT_METHODS = 'GET, POST, DELETE, HEAD, OPTIONS'

/**
 * The answer to the preflight of a browser (Fetch standard). Every origin gets it: the request that follows is then refused with a
 * sentence that a developer can read, in place of an error of the browser.
 */
export function preflight(head: RequestHead, methods: string): Answer {
  const [requestedHeaders = ''] = head.header('access-control-request-headers')
  return {
    outcome: 'answered',
    status: 204,
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Max-Age': '600',
      ...(requestedHeaders && { 'Access-Control-Allow-Headers': requestedHeaders }),
      Vary: 'Access-Control-Request-Headers',
    },
  }
}

export function document(body: object): Answer {
  return {
    outcome: 'answered',
    status: 200,
    headers: { 'Cache-Control': 'public, max-age=300', 'Access-Control-Allow-Origin': '*' },
    body,
  }
}
