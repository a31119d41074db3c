import type { Log } from '../audit.ts'
import { millisecondsSince } from '../clock.ts'

/** Whether documents of clients can be fetched at all, as far as attempts have shown. */
export interface DocumentHosts {
  /** Told of an answer, whatever it was. */
  answered(): void
  /** Told that the network led nowhere. @param url - Of the document. */
  failed(url: string): void
  /**
   * False after several attempts in a row of which none got an answer, until one does. Asks again for what failed last, every few
   * minutes and behind the caller's back, as nobody else asks any more.
   */
  seemReachable(): boolean
}

/** So many attempts in a row have to fail. A person who reloads the page gets there. */
const ATTEMPTS = 3

/** Whoever had an answer in this time is not cut off: a few hosts that do not answer are then their own fault. */
const ANSWERED_MILLISECONDS = 24 * 3600 * 1000

const AGAIN_MILLISECONDS = 5 * 60_000

/** Most addresses that are asked again. */
const MAX_URLS = 3

const CURES =
  'If this server cannot reach the internet, set HTTPS_PROXY (with CIMD_ALLOWED_HOSTS, if the proxy wants names), or CIMD=off so that clients register instead'

/**
 * @param retry - Asks for a document again. Its answer is told to {@link DocumentHosts.answered}.
 */
export function createDocumentHosts(retry: (url: string) => Promise<unknown>, log: Log): DocumentHosts {
  let answeredAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let triedAt = 0
  const failedUrls: string[] = []
  const areReachable = () => failures < ATTEMPTS || millisecondsSince(answeredAt) < ANSWERED_MILLISECONDS

  return {
    answered() {
      if (!areReachable()) log('client_documents_reachable', {})
      answeredAt = Date.now()
      failures = 0
      failedUrls.length = 0
    },

    failed(url) {
      const werePossible = areReachable()
      failures += 1
      triedAt = Date.now()
      if (!failedUrls.includes(url)) failedUrls.unshift(url)
      failedUrls.splice(MAX_URLS)
      const advertised = areReachable()
      if (failures === 1 || werePossible !== advertised) {
        log('client_documents_unreachable', { url, attempts: failures, advertised, reason: CURES })
      }
    },

    seemReachable() {
      if (areReachable()) return true
      if (millisecondsSince(triedAt) >= AGAIN_MILLISECONDS) {
        triedAt = Date.now()
        for (const url of failedUrls) retry(url).catch(() => {})
      }
      return false
    },
  }
}
