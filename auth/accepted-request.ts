import type { Access, RequestHead } from '../src/auth.ts'
import type { Authenticated } from '../src/bearer/authenticator.ts'
import { EXPOSED_HEADERS } from '../src/bearer/refusal.ts'
import type { WatchedToken } from '../src/bearer/watched-token.ts'
import type { AuthInfo, ValidatedToken } from '../src/token-validator.ts'

const ANONYMOUS_BODY_LIMIT = 65_536

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})
const READABLE = Object.freeze({
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': EXPOSED_HEADERS,
})

/** What all requests to one server have in common. */
export interface RequestSurroundings {
  readonly bodyLimit: number
  watch(authenticated: Authenticated): WatchedToken
  authInfo(access: AcceptedRequest, token: ValidatedToken): AuthInfo
}

/** An {@link Access}. What not every request needs is made when it is asked for. */
export class AcceptedRequest implements Access {
  readonly outcome = 'accepted'
  readonly head: RequestHead
  readonly token: ValidatedToken | undefined
  readonly #shared: RequestSurroundings
  readonly #authenticated: Authenticated | undefined
  #authInfo: AuthInfo | undefined
  #watched: WatchedToken | undefined

  constructor(shared: RequestSurroundings, head: RequestHead, authenticated?: Authenticated) {
    this.head = head
    this.token = authenticated?.token
    this.#shared = shared
    this.#authenticated = authenticated
  }

  get authInfo(): AuthInfo | undefined {
    if (this.token) this.#authInfo ??= this.#shared.authInfo(this, this.token)
    return this.#authInfo
  }

  get signal(): AbortSignal {
    // Not one for all: Workers allow none outside of a request.
    if (!this.#authenticated) return new AbortController().signal
    this.#watched ??= this.#shared.watch(this.#authenticated)
    return this.#watched.signal
  }

  done(): void {
    this.#watched?.stop()
  }

  get headers(): Readonly<Record<string, string>> {
    return this.head.header('origin').length === 0 ? NO_HEADERS : READABLE
  }

  get bodyLimit(): number {
    const { bodyLimit } = this.#shared
    return this.token ? bodyLimit : Math.min(bodyLimit, ANONYMOUS_BODY_LIMIT)
  }
}
