import type { RequestHead } from '../auth.ts'
import type { Identity } from '../identity-links.ts'
import type { AuthInfo, ValidatedToken } from '../token-validator.ts'

/**
 * What the MCP SDKs hand to tools. It carries the validated token and leaves out the raw one: no tool can send on what it has never
 * seen.
 */
export class RequestAuthInfo implements AuthInfo {
  readonly token = ''
  readonly clientId: string
  readonly scopes: string[]
  readonly expiresAt: number
  readonly resource: URL
  readonly extra: { token: ValidatedToken; identity: Identity }
  /** Not in a `WeakMap` beside it, whose entries cost the garbage collector ten times as much. */
  readonly #head: RequestHead

  /** @param identity - Under which the things of the person are kept. */
  constructor(head: RequestHead, token: ValidatedToken, resource: URL, identity: Identity) {
    this.clientId = token.clientId
    this.scopes = [...token.scopes]
    this.expiresAt = token.expiresAt
    this.resource = resource
    this.extra = { token, identity }
    this.#head = head
  }

  /** The request that it speaks of; `undefined` for a copy that somebody made. */
  static headOf(info: object): RequestHead | undefined {
    return #head in info ? info.#head : undefined
  }
}
