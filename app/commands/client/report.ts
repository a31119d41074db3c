import { homedir } from 'node:os'
import type { Explanation } from '../../client/explain-error.ts'
import type { CallToolResult, Tool } from '../../client/session.ts'
import type { SignIn } from '../../client/sign-ins.ts'
import { paint, row, WIDTH, wrap } from '../../terminal-text.ts'

/** Milliseconds since the Unix epoch up to which there are dates. */
const LAST_TIME = 8.64e15

/** Facts of a sign-in, without anything that would let somebody in. */
export interface SignInFacts {
  server: string
  issuer: string
  clientId: string | undefined
  /** `given`, `metadata-document` or `dynamic`. */
  clientOrigin: string | undefined
  scopes: readonly string[]
  /** RFC 3339. */
  expiresAt: string | undefined
  refreshes: boolean
  boundToKey: boolean
}

export function factsOf(server: string, { client, issuer, tokens }: SignIn): SignInFacts {
  return {
    server,
    issuer,
    clientId: client?.clientId,
    clientOrigin: client?.origin,
    scopes: tokens?.scopes ?? [],
    expiresAt:
      tokens?.expiresAt === undefined
        ? undefined
        : new Date(Math.min(tokens.expiresAt * 1000, LAST_TIME)).toISOString(),
    refreshes: tokens?.refreshToken !== undefined,
    boundToKey: tokens?.tokenType.toLowerCase() === 'dpop',
  }
}

const ORIGINS: Record<string, string> = {
  given: 'registered beforehand',
  'metadata-document': 'known by its metadata document',
  dynamic: 'registered by itself',
}

export function factsText(facts: SignInFacts): string {
  const { boundToKey, clientId = '', clientOrigin = '', expiresAt, issuer, refreshes, scopes } = facts
  const end = expiresAt === undefined ? 'not said by the server' : `at ${expiresAt.replace('.000Z', 'Z')}`
  return [
    row('issuer', issuer),
    row('client', `${clientId} (${ORIGINS[clientOrigin]})`),
    row('scopes', scopes.join(' ') || 'none'),
    row('expires', `${end}${refreshes ? ', renewed by itself' : ''}`),
    ...(boundToKey ? [row('token', 'bound to a key of this machine (DPoP)')] : []),
  ].join('\n')
}

export function toolsText(tools: readonly Tool[]): string {
  if (tools.length === 0) return 'The server has no tools.'
  return tools
    .map(({ description = '', inputSchema, name }) => {
      const required = new Set(inputSchema.required)
      const parameters = Object.entries(inputSchema.properties ?? {}).map(([key, schema]) => {
        const { type } = schema as { type?: unknown }
        const word = printable(`${key}=${typeof type === 'string' ? type : 'value'}`)
        return required.has(key) ? word : `[${word}]`
      })
      const usage = [paint('bold', printable(name)), ...parameters].join(' ')
      return [usage, ...wrap(printable(description), WIDTH - 4).map(line => `    ${line}`)].join('\n').trimEnd()
    })
    .join('\n')
}

/** What a tool answered, for reading. */
export function resultText({ content, structuredContent }: CallToolResult): string {
  const parts = content.map(part => {
    switch (part.type) {
      case 'text':
        return printable(spread(part.text))
      case 'image':
      case 'audio':
        return `[${part.type}, ${printable(part.mimeType)}, ${Buffer.byteLength(part.data, 'base64')} bytes; --json shows it]`
      case 'resource':
        return 'text' in part.resource ? printable(part.resource.text) : `[${printable(part.resource.uri)}]`
      default:
        return `[${printable(part.uri)}]`
    }
  })
  if (parts.length === 0 && structuredContent) return JSON.stringify(structuredContent, null, 2)
  return parts.join('\n')
}

/** JSON on lines of its own, where a text is JSON. */
function spread(text: string): string {
  if (!/^[[{]/.test(text)) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

export function explanationText({ code, cure, what }: Explanation): string {
  const lines = wrap(`${code ? `${code}: ` : ''}${what}`, WIDTH - 2).join('\n  ')
  return `${paint('red', '✗')} ${lines}${cure ? `\n  ${wrap(cure, WIDTH - 2).join('\n  ')}` : ''}`
}

/** Without what would move the cursor or colour the terminal: it is text of a server. */
export function printable(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, character => (character === '\n' || character === '\t' ? character : ''))
}

/** A path as its owner writes it. */
export function homely(path: string): string {
  const home = homeFolder()
  return home !== undefined && path.startsWith(`${home}/`) ? path.replace(home, '~') : path
}

/** Containers often run as a number that no user belongs to; without HOME, Node throws then. */
function homeFolder(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
