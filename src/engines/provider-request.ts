import type { CompleteContext, ProviderCall } from '../context.ts'
import { AuthorizationError, MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'
import type { UnavailableReason } from '../reasons.ts'
import { clip } from '../text.ts'
import { mayBeAsked } from '../url.ts'
import { networkFailure } from './network-error.ts'

export interface ProviderRequest {
  operation: ProviderCall['operation']
  url: string
  init?: Pick<RequestInit, 'method' | 'headers' | 'body'>
  /** Longest answer that is read, in bytes after decompression. Default 65,536. */
  maxBytes?: number
}

/** An answer that is not an outage: any status below 500 other than a redirect or 429, read completely. */
export interface ProviderAnswer {
  /** Where it came from, without query: fit for a reason. */
  readonly endpoint: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** @throws {ValidatorUnavailableError} The body is not a JSON object. */
  json(): Record<string, unknown>
}

/**
 * Asks a provider one thing. The request goes to `https:` (or loopback, or one of `context.insecureHosts`) only, follows no redirect, and ends after
 * `context.timeoutSeconds`, the body included. Reports the call to `context.observer`.
 *
 * Nothing of the body, the request or the platform's own error gets into the errors thrown here.
 *
 * @param interpret - Turns the answer into a result; what it throws decides the outcome that is reported.
 * @throws {ValidatorUnavailableError} Network error, timeout, redirect, 408, 429, 5xx, 403 that means 429, or a body that is too large.
 * @throws {MisconfigurationError} The URL is `http:` at a host that may not be asked so, or metadata has moved for good.
 */
export async function askProvider<T>(
  context: CompleteContext,
  request: ProviderRequest,
  interpret: (answer: ProviderAnswer) => T,
): Promise<T> {
  const startedAt = performance.now()
  let outcome: ProviderCall['outcome'] = 'answered'
  try {
    return interpret(await exchange(context, request))
  } catch (error) {
    if (error instanceof ValidatorUnavailableError) outcome = 'unavailable'
    if (error instanceof MisconfigurationError) outcome = 'misconfigured'
    throw error
  } finally {
    const milliseconds = performance.now() - startedAt
    context.observer?.providerCall?.({ operation: request.operation, outcome, milliseconds })
  }
}

async function exchange(context: CompleteContext, request: ProviderRequest): Promise<ProviderAnswer> {
  const { url, init, maxBytes = 65_536 } = request
  const target = new URL(url)
  const endpoint = target.origin + target.pathname
  if (!mayBeAsked(target, context.insecureHosts)) {
    throw new MisconfigurationError({
      kind: 'metadata_mismatch',
      endpoint,
      expected: 'https:',
      actual: target.protocol,
      cure: `use https; if ${target.hostname} is inside your own network, name it in insecureHosts (AUTH_INSECURE_HOSTS)`,
    })
  }
  const seconds = context.timeoutSeconds ?? 5
  // Not AbortSignal.timeout: that one would keep request and answer in memory until its time is over.
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), seconds * 1000)
  const { signal } = deadline
  try {
    const response = await context.fetch(url, { ...init, redirect: 'manual', signal })
    const { status, headers } = response
    // Some providers answer 403 where others answer 429.
    const isLimit = status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0')
    const isThrottled = status === 429 || isLimit
    if (isThrottled || status >= 500 || status === 408) {
      discard(response)
      if (isThrottled) throw throttled({ endpoint, status, headers }, context.now())
      const retryAfterSeconds = retryAfter(headers, context.now())
      throw new ValidatorUnavailableError({ kind: 'provider_failing', endpoint, status }, { retryAfterSeconds })
    }
    if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
      discard(response)
      throw redirected(request, endpoint, response)
    }
    const text = await readText(response, maxBytes, signal)
    if (text === undefined) throw unusable(endpoint, `more than ${maxBytes} bytes`)
    return { endpoint, status, headers, text, json: () => parseObject(text, endpoint) }
  } catch (error) {
    if (error instanceof AuthorizationError) throw error
    if (signal.aborted) throw unavailable({ kind: 'provider_timeout', endpoint, seconds })
    throw unavailable({ kind: 'provider_unreachable', endpoint, ...networkFailure(error) })
  } finally {
    clearTimeout(timer)
  }
}

/** The body, or `undefined` when it is longer than `maxBytes`. Stops at the signal even if the stream does not. */
async function readText(response: Response, maxBytes: number, signal: AbortSignal): Promise<string | undefined> {
  if (!response.body) return ''
  const reader = response.body.getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    signal.throwIfAborted()
    // Leaves out a byte order mark, which editors put before key sets that are files.
    if (done) return new TextDecoder().decode(Buffer.concat(chunks))
    size += value.byteLength
    if (size > maxBytes) {
      cancel()
      return undefined
    }
    chunks.push(value)
  }
}

/** Frees the connection without waiting for a body that nobody reads. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => {})
}

/** @throws {ValidatorUnavailableError} The body of an answer is not JSON. */
export function parseJson({ text, endpoint }: Pick<ProviderAnswer, 'text' | 'endpoint'>): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unusable(endpoint, 'a body that is not JSON')
  }
}

function parseObject(text: string, endpoint: string): Record<string, unknown> {
  const value = parseJson({ text, endpoint })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unusable(endpoint, 'JSON that is not an object')
  }
  return value as Record<string, unknown>
}

/** `error` of an OAuth error body (RFC 6749 §5.2); `undefined` for anything that does not look like one. */
export function oauthErrorCode(answer: Pick<ProviderAnswer, 'json'>): string | undefined {
  try {
    const { error } = answer.json()
    return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : undefined
  } catch {
    return undefined
  }
}

/** A status that says that the settings of this server are wrong, as far as is known. */
export function refusedRequest({ endpoint, status }: ProviderAnswer, error?: string): MisconfigurationError {
  return new MisconfigurationError({ kind: 'endpoint_refused_request', endpoint, status, error })
}

/** The provider answers with something that says nothing about the token. */
export function unusable(endpoint: string, detail: string): ValidatorUnavailableError {
  return unavailable({ kind: 'provider_answer_unusable', endpoint, detail })
}

function unavailable(reason: UnavailableReason): ValidatorUnavailableError {
  return new ValidatorUnavailableError(reason)
}

/**
 * The provider wants to be asked less. When to try again stands in `Retry-After`, else in `X-RateLimit-Reset`: seconds since
 * the Unix epoch, as GitHub and Auth0 send it.
 */
export function throttled(
  { endpoint, status, headers }: Pick<ProviderAnswer, 'endpoint' | 'status' | 'headers'>,
  now: number,
): ValidatorUnavailableError {
  // GitHub sends the reset with every answer; it is a wish only if nothing remains.
  const isUsedUp = Number(headers.get('x-ratelimit-remaining') ?? 0) === 0
  const reset = isUsedUp ? headers.get('x-ratelimit-reset') : null
  const retryAfterSeconds = retryAfter(headers, now) ?? (reset ? Number(reset) - now / 1000 : undefined)
  return new ValidatorUnavailableError({ kind: 'provider_throttled', endpoint, status }, { retryAfterSeconds })
}

/** Seconds from either form of `Retry-After` (RFC 9110 §10.2.3). */
function retryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get('retry-after')
  if (!value) return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000
  return Number.isFinite(seconds) ? seconds : undefined
}

/**
 * Metadata that has moved for good is a wrong setting; one that is somewhere else for now may be a page about maintenance. Neither is
 * followed: what the settings name is asked, and nothing else.
 */
function redirected(request: ProviderRequest, endpoint: string, { status, headers }: Response): AuthorizationError {
  const location = placeOf(headers.get('location'), request.url)
  if (location === undefined) return unusable(endpoint, 'a redirect')
  if (request.operation !== 'discovery' || (status !== 301 && status !== 308)) {
    return unusable(endpoint, `a redirect to ${location}, which is not followed`)
  }
  const cure = `set the metadata URL to ${location}, if that is your provider`
  return new MisconfigurationError({ kind: 'metadata_moved', endpoint, location, cure })
}

/** Where a redirect leads, without query, fragment and credentials. */
function placeOf(location: string | null, base: string): string | undefined {
  if (location === null || !URL.canParse(location, base)) return undefined
  const { origin, pathname } = new URL(location, base)
  return clip(origin + pathname)
}
