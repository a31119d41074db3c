import type { Source } from './check.ts'

const DOCUMENTS = {
  'RFC 6750': 'https://www.rfc-editor.org/rfc/rfc6750.html#section-',
  'RFC 7515': 'https://www.rfc-editor.org/rfc/rfc7515.html#section-',
  'RFC 7519': 'https://www.rfc-editor.org/rfc/rfc7519.html#section-',
  'RFC 7662': 'https://www.rfc-editor.org/rfc/rfc7662.html#section-',
  'RFC 8414': 'https://www.rfc-editor.org/rfc/rfc8414.html#section-',
  'RFC 8707': 'https://www.rfc-editor.org/rfc/rfc8707.html#section-',
  'RFC 8725': 'https://www.rfc-editor.org/rfc/rfc8725.html#section-',
  'RFC 9068': 'https://www.rfc-editor.org/rfc/rfc9068.html#section-',
  'RFC 9110': 'https://www.rfc-editor.org/rfc/rfc9110.html#section-',
  'RFC 9111': 'https://www.rfc-editor.org/rfc/rfc9111.html#section-',
  'RFC 9207': 'https://www.rfc-editor.org/rfc/rfc9207.html#section-',
  'RFC 9449': 'https://www.rfc-editor.org/rfc/rfc9449.html#section-',
  'RFC 9728': 'https://www.rfc-editor.org/rfc/rfc9728.html#section-',
} as const

const MCP = 'https://modelcontextprotocol.io/specification/2026-07-28/basic/'
/** Pages of MCP 2026-07-28 below `basic`. */
const PAGES = {
  authorization: 'authorization',
  discovery: 'authorization/authorization-server-discovery',
  registration: 'authorization/client-registration',
  security: 'authorization/security-considerations',
  transport: 'transports/streamable-http',
} as const

/** @param sentence - Word for word, compared with the published text. */
export function rfc(name: keyof typeof DOCUMENTS, section: string, sentence?: string): Source {
  return { document: `${name} §${section}`, url: `${DOCUMENTS[name]}${section}`, ...(sentence && { sentence }) }
}

/**
 * A section of MCP 2026-07-28.
 *
 * @param heading - As the page spells it.
 */
export function mcp(heading: string, sentence?: string, page: keyof typeof PAGES = 'authorization'): Source {
  // How others are spelled in the address is not known.
  const anchor = /^[\w -]+$/.test(heading) ? `#${heading.toLowerCase().replaceAll(' ', '-')}` : ''
  return {
    document: `MCP 2026-07-28, ${heading}`,
    url: `${MCP}${PAGES[page]}${anchor}`,
    ...(sentence && { sentence }),
  }
}

/** A page on the web. */
export function page(document: string, url: string): Source {
  return { document, url }
}

/** What web pages may send and read. */
export const cors = page('Fetch Standard, CORS protocol', 'https://fetch.spec.whatwg.org/#http-cors-protocol')

// Demands that checks of several sections are about.

/** Where there are no credentials, nothing is wrong with them. */
export const noCredentials = rfc(
  'RFC 6750',
  '3.1',
  'If the request lacks any authentication information (e.g., the client was unaware that authentication is necessary or attempted using an unsupported authentication method), the resource server SHOULD NOT include an error code or other error information.',
)
export const everyRequest = mcp(
  'Token Requirements',
  'Note that authorization MUST be included in every HTTP request from client to server.',
)
export const notInQuery = mcp('Token Requirements', 'Access tokens MUST NOT be included in the URI query string')
export const noOfflineAccess = mcp(
  'Refresh Tokens',
  'MCP Servers (Protected Resources) SHOULD NOT include `offline_access` in `WWW-Authenticate` scope or Protected Resource Metadata `scopes_supported`, as refresh tokens are not a resource requirement.',
)
export const invalidTokens = mcp('Token Handling', 'Invalid or expired tokens MUST receive a HTTP 401 response.')
export const validatedFirst = mcp(
  'Access Token Privilege Restriction',
  'MCP servers MUST validate access tokens before processing the request, ensuring the access token is issued specifically for the MCP server, and take all necessary steps to ensure no data is returned to unauthorized parties.',
  'security',
)
export const ownAudience = mcp(
  'Access Token Privilege Restriction',
  'MCP servers MUST only accept tokens specifically intended for themselves and MUST reject tokens that do not include them in the audience claim or otherwise verify that they are the intended recipient of the token.',
  'security',
)
/** What an answer must not tell. */
export const errorMessages = page(
  'CWE-209, Error Message Containing Sensitive Information',
  'https://cwe.mitre.org/data/definitions/209.html',
)
