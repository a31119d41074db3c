import { randomUUID } from 'node:crypto'
import type { Access } from 'idplug'
import type { JSONWebKeySet } from 'jose'
import { LRUCache } from 'lru-cache'
import { type Caller, perCaller } from './identity-caller.ts'
import { ASSERTION_SECONDS, type AssertionKeys } from './identity-keys.ts'

export const ASSERTION_HEADER = 'x-mcp-assertion'

/** Where a gateway publishes the keys of its assertions. Below `/.well-known/`, where no resource can be. */
export const ASSERTION_KEYS_PATH = '/.well-known/mcp-assertion-keys'

/** For an anonymous caller. */
const NOTHING: Headers = {}

/** `typ` of assertions (RFC 8725 §3.11): nobody takes one for an access token, or an access token for one. */
const ASSERTION_TYPE = 'mcp-assertion+jwt'

/** One that ends sooner is made anew, so that a target has time to check what it was sent. */
const LEAST_SECONDS_LEFT = 20
const MOST_ASSERTIONS = 10_000
/** Characters of all assertions that are kept. Providers decide how long subjects and lists of scopes are. */
const MOST_CHARACTERS = 20_000_000

/**
 * Tells the target who is calling by a JWT that lives for 60 seconds: `iss`, `aud`, `sub`, `sub_id` (RFC 9493), `client_id`, `scope`
 * (RFC 8693 §4.2), `jti`, `iat` and `exp`. The same caller is sent the same one again while it has 20 seconds left, so `jti` names an
 * assertion, not a request.
 */
export function createAssertionIdentity({
  issuer,
  audience,
  keys,
  now = Date.now,
}: {
  readonly issuer: string
  readonly audience: string
  readonly keys: Pick<AssertionKeys, 'sign'>
  readonly now?: () => number
}): (access: Access) => Headers | Promise<Headers> {
  const made = new LRUCache<string, Assertion>({
    max: MOST_ASSERTIONS,
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ headers }, key) => headers[ASSERTION_HEADER].length + key.length,
  })

  async function make(caller: Caller, key: string, seconds: number): Promise<Headers> {
    const expiresAt = seconds + ASSERTION_SECONDS
    const jwt = await keys.sign(
      {
        iss: issuer,
        aud: audience,
        sub: caller.subject,
        sub_id: { format: 'iss_sub', iss: caller.issuer, sub: caller.subject },
        client_id: caller.clientId,
        scope: caller.scopes.join(' '),
        jti: randomUUID(),
        iat: seconds,
        exp: expiresAt,
      },
      ASSERTION_TYPE,
    )
    const headers = { [ASSERTION_HEADER]: jwt }
    made.set(key, { headers, expiresAt })
    return headers
  }

  const named = perCaller(caller => ({
    caller,
    key: JSON.stringify([caller.issuer, caller.subject, caller.clientId, caller.scopes]),
  }))

  return access => {
    const known = named(access)
    if (!known) return NOTHING
    const { caller, key } = known
    const seconds = Math.floor(now() / 1000)
    const kept = made.get(key)
    return kept && kept.expiresAt - seconds >= LEAST_SECONDS_LEFT ? kept.headers : make(caller, key, seconds)
  }
}

type Headers = Readonly<Record<string, string>>

interface Assertion {
  readonly headers: Headers & { readonly [ASSERTION_HEADER]: string }
  /** Seconds since the Unix epoch. */
  readonly expiresAt: number
}

/** What {@link ASSERTION_KEYS_PATH} answers (RFC 7517 §5). Verifiers may keep it for five minutes: keys are published long before they sign. */
export async function assertionKeysAnswer(
  keys: Pick<AssertionKeys, 'published'>,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: JSONWebKeySet }> {
  return {
    headers: { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=300' },
    body: await keys.published(),
  }
}
