import CachePolicy from 'http-cache-semantics'
import { LRUCache } from 'lru-cache'
import { errors } from 'oidc-provider'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { TemporarilyUnavailable } from '../errors.ts'
import type { StoreFactory } from '../stores/store.ts'
import {
  createGuardedFetch,
  type FetchedDocument,
  FetchFailedError,
  FetchRefusedError,
  type GuardedFetchOptions,
  InnerAddressError,
} from './guarded-fetch.ts'

export interface ClientDocumentLimits {
  /** Requests to one host per minute. Default 30. */
  perHost?: number
  /** Requests to all hosts per minute. Default 600. */
  inTotal?: number
}

export interface ClientDocumentsOptions extends Partial<GuardedFetchOptions> {
  limits?: ClientDocumentLimits
}

/**
 * What clients publish about themselves: Client ID Metadata Documents
 * (draft-ietf-oauth-client-id-metadata-document) and the key sets that those name.
 */
export interface ClientDocuments {
  /**
   * Has a document at hand, from the cache or its host.
   *
   * @throws {errors.InvalidClient} It may not or cannot be had from there.
   * @throws {TemporarilyUnavailable} Its host does not answer and there is no earlier copy, or it was asked too often.
   */
  load(url: string): Promise<void>
  /** The document as an answer of its host. */
  fetch(url: string): Promise<Response>
}

/** How long a document is used without asking its host, whatever the host says, in seconds. */
const FRESH = { min: 30, max: 24 * 3600 }

/** A copy stands in for a host that does not answer, for so long. */
const KEPT_SECONDS = 7 * 24 * 3600

const MAX_URL_LENGTH = 2000

/** A host that failed is let alone for so long. */
const FAILURE_MILLISECONDS = 5000

interface Copy {
  body: string
  policy: CachePolicy.CachePolicyObject
  /** Milliseconds since the Unix epoch. */
  freshUntil: number
}

export function createClientDocuments(
  stores: StoreFactory,
  { limits = {}, ...guard }: ClientDocumentsOptions,
  log: (event: string, facts: Readonly<Record<string, unknown>>) => void,
): ClientDocuments {
  const guardedFetch = createGuardedFetch({ allowedHosts: [], privateHosts: [], ...guard })
  const copies = stores('ClientDocument')
  const admit = createLimit(limits)
  const failures = new LRUCache<string, Error>({ max: 1000, ttl: FAILURE_MILLISECONDS, perf: Date })
  const underWay = new Map<string, Promise<Copy>>()

  async function find(url: string): Promise<Copy> {
    if (url.length > MAX_URL_LENGTH) throw unusable(`its address has more than ${MAX_URL_LENGTH} characters`)
    const copy = await copies.get<Copy>(url)
    if (copy && Date.now() < copy.freshUntil) return copy
    let asking = underWay.get(url)
    if (!asking) {
      asking = renew(url, copy).finally(() => underWay.delete(url))
      underWay.set(url, asking)
    }
    return asking
  }

  async function renew(url: string, old: Copy | undefined): Promise<Copy> {
    try {
      const failed = failures.get(url)
      if (failed) throw failed
      await admit(new URL(url).host)
      const copy = await ask(url, old)
      await copies.set(url, copy, KEPT_SECONDS)
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

  async function ask(url: string, old: Copy | undefined): Promise<Copy> {
    const request = { url, method: 'GET', headers: { accept: 'application/json' } }
    const policy = old && CachePolicy.fromObject(old.policy)
    const headers = policy ? policy.revalidationHeaders(request) : request.headers
    const answer = await guardedFetch(url, onlyText(headers)).catch(explain)
    if (policy && old && answer.status === 304) {
      return copyOf(policy.revalidatedPolicy(request, answer).policy, old.body)
    }
    checkAnswer(answer)
    return copyOf(new CachePolicy(request, answer, { shared: true }), answer.body)
  }

  return {
    load: async url => void (await find(url)),
    async fetch(url) {
      const { body } = await find(url)
      return new Response(body, { headers: { 'content-type': 'application/json' } })
    },
  }
}

function copyOf(policy: CachePolicy, body: string): Copy {
  const seconds = Math.max(FRESH.min, Math.min(FRESH.max, policy.timeToLive() / 1000))
  return { body, policy: policy.toObject(), freshUntil: Date.now() + seconds * 1000 }
}

/** @throws {errors.InvalidClient} Anything but a JSON document. @throws {TemporarilyUnavailable} The host has trouble. */
function checkAnswer({ status, headers }: FetchedDocument): void {
  if (status >= 500 || status === 429) throw new TemporarilyUnavailable(UNREACHABLE, `its host answered ${status}`)
  if (status !== 200) throw unusable(`its host answered ${status}`)
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw unusable(`it is ${headers['content-type'] ?? 'without a content type'}, not application/json`)
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

function createLimit({ perHost = 30, inTotal = 600 }: ClientDocumentLimits): (host: string) => Promise<void> {
  const host = new RateLimiterMemory({ points: perHost, duration: 60 })
  const all = new RateLimiterMemory({ points: inTotal, duration: 60 })
  return async name => {
    try {
      await host.consume(name)
      await all.consume('all')
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      throw new TemporarilyUnavailable(UNREACHABLE, `${name} was asked too often`)
    }
  }
}

function onlyText(headers: CachePolicy.Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
