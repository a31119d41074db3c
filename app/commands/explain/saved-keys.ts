type Fetch = typeof globalThis.fetch

/** A key set (RFC 7517 §5) with the metadata that led to it; other programs read it as a key set. */
export interface SavedKeys {
  readonly keys: readonly unknown[]
  /** Metadata documents by URL. Without them, the configured issuer is taken as it is. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

const WELL_KNOWN = /\/\.well-known\/(openid-configuration|oauth-authorization-server)/

/**
 * Answers for the provider out of saved keys, without a network: metadata for metadata, the key set for anything else that
 * is fetched. What would have to be asked, like introspection, fails like a host that is down.
 *
 * @param issuer - The configured issuer, where the metadata was not saved.
 */
export function offlineFetch(saved: SavedKeys, issuer: () => string): Fetch {
  return async (input, init) => {
    const { url, method } = new Request(input, init)
    if (method !== 'GET') throw new TypeError('fetch failed', { cause: { code: 'OFFLINE' } })
    if (!WELL_KNOWN.test(url)) return Response.json({ keys: saved.keys })
    return Response.json(saved.metadata?.[url] ?? { issuer: issuer(), jwks_uri: new URL('/jwks', url).href })
  }
}

/**
 * A fetch that remembers the metadata and keys that come by, the last answer about an active token (RFC 7662 §2.2), and what the clock of
 * the provider says.
 *
 * @param now - Clock of this machine, in milliseconds since the Unix epoch.
 */
export function recordingFetch(
  fetch: Fetch,
  now: () => number = Date.now,
): {
  fetch: Fetch
  saved(): SavedKeys
  introspection(): Readonly<Record<string, unknown>> | undefined
  /** How far this machine is ahead of the provider that was asked last, in seconds; `undefined` where no answer said. */
  clockAhead(): number | undefined
} {
  const keys: unknown[] = []
  const metadata: Record<string, unknown> = {}
  let introspection: Readonly<Record<string, unknown>> | undefined
  let clockAhead: number | undefined
  return {
    async fetch(input, init) {
      const answer = await fetch(input, init)
      const { url, method } = new Request(input, init)
      const theirs = Date.parse(answer.headers.get('date') ?? '')
      if (!Number.isNaN(theirs)) clockAhead = Math.round((now() - theirs) / 1000)
      if (answer.status !== 200) return answer
      const body = (await answer
        .clone()
        .json()
        .catch(() => null)) as { keys?: unknown; active?: unknown } | null
      if (body === null) return answer
      if (method === 'POST' && body.active === true) introspection = body
      else if (WELL_KNOWN.test(url)) metadata[url] = body
      else if (Array.isArray(body.keys)) keys.push(...body.keys)
      return answer
    },
    saved: () => ({ keys, metadata }),
    introspection: () => introspection,
    clockAhead: () => clockAhead,
  }
}

/** @throws {Error} Not a key set; the message says so. */
export function readSavedKeys(text: string): SavedKeys {
  const value = JSON.parse(text) as Partial<SavedKeys> | null
  if (!Array.isArray(value?.keys)) throw new Error('is no key set: it has no member "keys" with a list')
  return { keys: value.keys, metadata: value.metadata }
}
