import type { Access } from 'idplug'
import { byName } from './headers.ts'
import { ASSERTION_HEADER, createAssertionIdentity } from './identity-assertion.ts'
import { type Caller, perCaller } from './identity-caller.ts'
import type { AssertionKeys } from './identity-keys.ts'

type CallerHeaders = Readonly<Record<string, string>>

/** How a target learns who is calling. */
export interface CallerIdentity {
  /**
   * Headers for the target, names in lower case. Those that name a caller are absent for an anonymous one.
   *
   * @throws {Error} The caller cannot be named to the target, for example because the keys cannot be read. The request must not reach it.
   */
  headersFor(access: Access): CallerHeaders | Promise<CallerHeaders>
  /** Whether a header of a client is taken out, because the target would believe it: in any spelling that servers read as one of ours. */
  owns(headerName: string): boolean
  close(): Promise<void>
}

/** What the target is told. docs/identity-to-target.md compares them. */
export type IdentityChoice =
  /** A signed JWT in `x-mcp-assertion`. Whoever reaches the target by another way cannot make one. */
  | { readonly kind: 'assertion' }
  /** `x-mcp-user` and its like, unsigned. Only for a target that nobody but the gateway can reach. */
  | { readonly kind: 'headers' }
  /** The same header for every request, such as an API key of the target. It does not say who is calling. */
  | { readonly kind: 'credential'; readonly header: string; readonly value: string }
  /** Nothing. */
  | { readonly kind: 'none' }

export interface IdentityOptions {
  /** `iss` of assertions: the origin at which clients reach the gateway, and where it publishes their keys. */
  readonly issuer: string
  /** `aud` of assertions: the URL of the target. */
  readonly audience: string
  /** Signs assertions. One set of keys serves all targets of a gateway; whoever opened it closes it. */
  readonly keys: Pick<AssertionKeys, 'sign'>
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: () => number
}

/** Names of the plain headers. */
export const PLAIN_HEADERS = {
  subject: 'x-mcp-user',
  issuer: 'x-mcp-issuer',
  clientId: 'x-mcp-client',
  scopes: 'x-mcp-scopes',
} as const

/** In every mode: a target must not believe what a client sends because the gateway was configured differently today. */
const ALWAYS_OURS = ['authorization', ASSERTION_HEADER, ...Object.values(PLAIN_HEADERS)]

export function createCallerIdentity(choice: IdentityChoice, options: IdentityOptions): CallerIdentity {
  const names = choice.kind === 'credential' ? [...ALWAYS_OURS, choice.header] : ALWAYS_OURS
  const ours = new Set(names.map(comparable))
  return {
    headersFor: headersOf(choice, options),
    owns: byName(name => ours.has(comparable(name))),
    close: async () => {},
  }
}

function headersOf(choice: IdentityChoice, options: IdentityOptions): CallerIdentity['headersFor'] {
  switch (choice.kind) {
    case 'assertion':
      return createAssertionIdentity(options)
    case 'headers': {
      const headers = perCaller(plainHeaders)
      return access => headers(access) ?? NOTHING
    }
    case 'credential': {
      const headers = Object.freeze({ [choice.header.toLowerCase()]: choice.value })
      return () => headers
    }
    case 'none':
      return () => NOTHING
  }
}

/** For an anonymous caller. */
const NOTHING: CallerHeaders = Object.freeze({})

function plainHeaders(caller: Caller): CallerHeaders {
  return {
    [PLAIN_HEADERS.subject]: encoded(caller.subject),
    [PLAIN_HEADERS.issuer]: encoded(caller.issuer),
    [PLAIN_HEADERS.clientId]: encoded(caller.clientId),
    [PLAIN_HEADERS.scopes]: caller.scopes.map(encoded).join(' '),
  }
}

/**
 * Percent-encodes (RFC 3986 §2.1, UTF-8) everything but visible ASCII, and `%` itself. So no value can end its header, or be changed by a
 * server that trims it or reads it in another character set; and no two subjects look the same.
 *
 * @throws {Error} It has half a surrogate pair, which no encoding of text keeps apart from other broken characters.
 */
function encoded(value: string): string {
  if (!value.isWellFormed()) throw new Error('the token names its caller in characters that a header cannot carry')
  return value.replace(/[^\x21-\x24\x26-\x7e]+/gu, part =>
    [...Buffer.from(part)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

/**
 * One spelling for all names that some server takes for the same header. CGI (RFC 3875 §4.1.18), WSGI and PHP turn `-` into `_`, and some
 * of them every other character that is neither letter nor digit.
 */
function comparable(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}
