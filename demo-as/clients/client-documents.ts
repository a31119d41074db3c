import type { IncomingMessage } from 'node:http'
import CachePolicy from 'http-cache-semantics'
import { LRUCache } from 'lru-cache'
import { errors } from 'oidc-provider'
import type { Log } from '../audit.ts'
import { TemporarilyUnavailable } from '../errors.ts'
import type { StoreFactory } from '../stores/store.ts'
import { createRateLimit } from '../strangers/rate.ts'
import type { Strangers } from '../strangers/strangers.ts'
import { createDocumentHosts } from './document-hosts.ts'
import {
  createGuardedFetch,
  type FetchedDocument,
  FetchFailedError,
  FetchRefusedError,
  type GuardedFetchOptions,
  InnerAddressError,
} from './guarded-fetch.ts'

export interface ClientDocumentsOptions extends Partial<GuardedFetchOptions> {
  /** Requests to one host per minute. Default 60. */
  perHost?: number
}

/**
 * What clients publish about themselves: Client ID Metadata Documents
 * (draft-ietf-oauth-client-id-metadata-document) and the key sets that those name.
 */
export interface ClientDocuments {
  /**
   * Has a document at hand, from the cache or its host.
   *
   * @param asked - The request that names it; its sender may have so many documents fetched.
   * @throws {errors.InvalidClient} It may not or cannot be had from there.
   * @throws {TemporarilyUnavailable} Its host does not answer and there is no earlier copy, or it was asked too often.
   */
  load(url: string, asked?: IncomingMessage): Promise<void>
  /** The document as an answer of its host. */
  fetch(url: string): Promise<Response>
  /** Told that the client of a document got a token: what it publishes is kept for longer. */
  used(url: string): Promise<void>
  /** Whether documents can be had at all; see {@link DocumentHosts}. */
  seemReachable(): boolean
}

/** How long a document is used without asking its host, whatever the host says, in seconds. */
const FRESH = { min: 30, max: 24 * 3600 }

/**
 * A copy stands in for a host that does not answer, for so long. Strangers can have documents fetched; those that nobody signs in with
 * go soon.
 */
const KEPT_SECONDS = { unused: 3600, used: 7 * 24 * 3600 }

/** What says how long an answer is good for. The rest of its headers is not kept. */
const CACHE_HEADERS = ['age', 'cache-control', 'content-type', 'date', 'etag', 'expires', 'last-modified', 'pragma']

const MAX_URL_LENGTH = 2000

/** A host that failed is let alone for so long. */
const FAILURE_MILLISECONDS = 5000

interface Copy {
  body: string
  policy: CachePolicy.CachePolicyObject
  /** Milliseconds since the Unix epoch. */
  freshUntil: number
  /** Somebody signed in with it. */
  used?: boolean
}

export function createClientDocuments(
  stores: StoreFactory,
  { perHost = 60, ...guard }: ClientDocumentsOptions,
  strangers: Pick<Strangers, 'take'>,
  log: Log,
): ClientDocuments {
  const guardedFetch = createGuardedFetch({ allowedHosts: [], privateHosts: [], ...guard })
  const copies = stores('ClientDocument')
  const hostLimit = createRateLimit({ times: perHost, seconds: 60 })
  const hosts = createDocumentHosts(async url => renew(url, await copies.get<Copy>(url)), log)
  const failures = new LRUCache<string, Error>({ max: 1000, ttl: FAILURE_MILLISECONDS, perf: Date, ttlResolution: 0 })
  const underWay = new Map<string, Promise<Copy>>()

  async function find(url: string, asked?: IncomingMessage): Promise<Copy> {
    if (url.length > MAX_URL_LENGTH) throw unusable(`its address has more than ${MAX_URL_LENGTH} characters`)
    const copy = await copies.get<Copy>(url)
    if (copy && Date.now() < copy.freshUntil) return copy
    let asking = underWay.get(url)
    if (!asking) {
      asking = renew(url, copy, asked).finally(() => underWay.delete(url))
      underWay.set(url, asking)
    }
    return asking
  }

  async function renew(url: string, old: Copy | undefined, asked?: IncomingMessage): Promise<Copy> {
    try {
      const failed = failures.get(url)
      if (failed) throw failed
      admit(new URL(url).host, old ? undefined : asked)
      const copy = { ...(await ask(url, old)), used: old?.used }
      await keep(url, copy)
      return copy
    } catch (error) {
      if (!(error instanceof errors.OIDCProviderError)) throw error
      if (!failures.has(url)) {
        failures.set(url, error)
        log('client_document_refused', { url, error: error.message, reason: error.error_detail })
      }
      if (old && error instanceof TemporarilyUnavailable) return old
      throw error
    }
  }

  /** @param asked - The request that names a document which is not known yet. @throws {TemporarilyUnavailable} Too often. */
  function admit(host: string, asked: IncomingMessage | undefined): void {
    if (asked && strangers.take('documents', asked) !== undefined) {
      throw new TemporarilyUnavailable(UNREACHABLE, 'too many documents were asked for')
    }
    if (hostLimit.take(host) > 0) throw new TemporarilyUnavailable(UNREACHABLE, `${host} was asked too often`)
  }

  async function keep(url: string, copy: Copy): Promise<void> {
    await copies.set(url, copy, copy.used ? KEPT_SECONDS.used : KEPT_SECONDS.unused)
  }

  async function ask(url: string, old: Copy | undefined): Promise<Copy> {
    const request = { url, method: 'GET', headers: { accept: 'application/json' } }
    const policy = old && CachePolicy.fromObject(old.policy)
    const headers = policy ? policy.revalidationHeaders(request) : request.headers
    const answer = await guardedFetch(url, onlyText(headers)).catch((error: unknown) => {
      if (error instanceof FetchFailedError) hosts.failed(url)
      return explain(error)
    })
    hosts.answered()
    if (policy && old && answer.status === 304) {
      return copyOf(policy.revalidatedPolicy(request, answer).policy, old.body)
    }
    checkAnswer(answer, old !== undefined)
    const kept = Object.entries(answer.headers).filter(([name]) => CACHE_HEADERS.includes(name))
    const policyOf = { status: answer.status, headers: Object.fromEntries(kept) }
    return copyOf(new CachePolicy(request, policyOf, { shared: true }), answer.body)
  }

  return {
    load: async (url, asked) => void (await find(url, asked)),
    async fetch(url) {
      const { body } = await find(url)
      return new Response(body, { headers: { 'content-type': 'application/json' } })
    },
    async used(url) {
      const copy = await copies.get<Copy>(url)
      if (copy && !copy.used) await keep(url, { ...copy, used: true })
    },
    seemReachable: hosts.seemReachable,
  }
}

function copyOf(policy: CachePolicy, body: string): Copy {
  const seconds = Math.max(FRESH.min, Math.min(FRESH.max, policy.timeToLive() / 1000))
  return { body, policy: policy.toObject(), freshUntil: Date.now() + seconds * 1000 }
}

/**
 * @param isKnown - Whether there was a document before: then a page, or an answer that forbids it, is of something in front of its host.
 * @throws {errors.InvalidClient} Anything but a JSON document. @throws {TemporarilyUnavailable} The host has trouble.
 */
function checkAnswer({ status, headers }: FetchedDocument, isKnown: boolean): void {
  const { 'content-type': type = '' } = headers
  const isOfAnother = [401, 403, 408].includes(status) || (status === 200 && /^text\/html\b/i.test(type))
  if (status >= 500 || status === 429 || (isKnown && isOfAnother)) {
    throw new TemporarilyUnavailable(UNREACHABLE, `its host answered ${status} ${type}`.trim())
  }
  if (status !== 200) throw unusable(`its host answered ${status}`)
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw unusable(`it is ${type || 'without a content type'}, not application/json`)
  }
}

function unusable(reason: string, detail = reason): errors.InvalidClient {
  return new errors.InvalidClient(`what the application publishes about itself cannot be used: ${reason}`, detail)
}

function explain(error: unknown): never {
  if (error instanceof InnerAddressError) throw unusable('its host has no public address', error.message)
  if (error instanceof FetchRefusedError) throw unusable(error.message)
  if (error instanceof FetchFailedError) throw new TemporarilyUnavailable(UNREACHABLE, error.message)
  throw error
}

const UNREACHABLE = 'what the application publishes about itself cannot be reached'

function onlyText(headers: CachePolicy.Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
