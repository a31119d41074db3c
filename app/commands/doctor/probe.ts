import { clip, networkFailure, urlProblem } from 'idplug/internal'
import { jsonObject } from '../../json-object.ts'

/** What a request came to. Failures are results here: each of them is something to tell. */
export type Answer = Answered | Failed

export interface Answered {
  readonly outcome: 'answered'
  readonly url: string
  readonly status: number
  readonly headers: Headers
  /** The first megabyte of the body. */
  readonly text: string
  /** The body, where it is a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

export interface Failed {
  readonly outcome: 'failed'
  readonly url: string
  /** `refused`: the URL is not one to be called. */
  readonly cause: 'refused' | 'tls' | 'timeout' | 'unreachable'
  /** Code of the system, or a sentence. */
  readonly detail: string
}

export type Probe = (url: string, init?: Pick<RequestInit, 'method' | 'headers' | 'body'>) => Promise<Answer>

export interface ProbeOptions {
  readonly fetch: typeof globalThis.fetch
  /** Longest wait for one answer, in seconds. Default 10. */
  readonly timeoutSeconds?: number
  /** Whether `http:` and `https:` on this machine may be called. Default true. */
  readonly loopback?: boolean
  /** Hosts that may be called over `http:`. Default: none. */
  readonly insecureHosts?: readonly string[]
}

const MAX_CHARACTERS = 1_048_576

/**
 * Requests to URLs that others wrote: `https:` only (`http:` on loopback), no redirect is followed, and what comes back is
 * bounded in time and size.
 */
export function createProbe({ fetch, timeoutSeconds = 10, loopback = true, insecureHosts }: ProbeOptions): Probe {
  return async (url, init) => {
    const problem = urlProblem(url, loopback, insecureHosts)
    if (problem) return { outcome: 'failed', url: clip(url), cause: 'refused', detail: problem }
    try {
      const signal = AbortSignal.timeout(timeoutSeconds * 1000)
      const response = await fetch(url, { ...init, redirect: 'manual', signal })
      const text = await readText(response)
      return {
        outcome: 'answered',
        url,
        status: response.status,
        headers: response.headers,
        text,
        json: jsonObject(text),
      }
    } catch (error) {
      return failureOf(url, error)
    }
  }
}

/** Stops reading at the bound: a hostile body may never end. */
async function readText(response: Response): Promise<string> {
  if (!response.body) return ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_CHARACTERS || isEventStream(response)) break
  }
  return text.slice(0, MAX_CHARACTERS)
}

/** Such a body may stay open; its first part says what there is to know. */
function isEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') ?? false
}

function failureOf(url: string, error: unknown): Failed {
  if ((error as { name?: string }).name === 'TimeoutError') {
    return { outcome: 'failed', url, cause: 'timeout', detail: 'no answer in time' }
  }
  const { detail, cure } = networkFailure(error)
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(detail)) {
    return { outcome: 'failed', url, cause: 'unreachable', detail: `${detail}: the server does not speak https` }
  }
  const tls = /CERT|SSL|TLS|ALTNAME|VERIFY|SIGNED/.test(detail)
  return { outcome: 'failed', url, cause: tls ? 'tls' : 'unreachable', detail: cure ? `${detail}. ${cure}` : detail }
}
