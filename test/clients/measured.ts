/** What one client does with one kind of sign-in. */
export interface Measured {
  connects: boolean
  lists: boolean
  calls: boolean
  /** Whether a tool beyond the granted scopes was refused; `false` for a client that asks for all scopes at once. */
  isRefused: boolean
  /** Whether the refused call succeeded in the end, after another sign-in. */
  stepsUp: boolean
  /** Whether the same tool works with `AUTH_SIGN_IN_SCOPES=all`. */
  writesWithAllScopes: boolean
  registers: 'by itself' | 'is given a client id' | 'by a document' | 'never got that far'
  /** Whether the authorization request names the MCP server (RFC 8707). */
  sendsResource: boolean
  /** What the first authorization request asks for; empty where it has no `scope`. */
  asksFor: string
  /** Revisions that it named in `MCP-Protocol-Version`; none: no such header. */
  revisions: string[]
  /** How it found the authorization server: well-known documents that it got from the MCP server's origin, in order. */
  discovers: string[]
}
