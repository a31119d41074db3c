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
