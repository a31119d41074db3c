import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Log } from '../audit.ts'
import { isPublicAddress } from '../clients/public-addresses.ts'
import { millisecondsSince } from '../clock.ts'
import {
  type Activity,
  LIMITS,
  type Limit,
  type OtherLimits,
  ruleOf,
  SHORTEST_UNUSED_CLIENT_SECONDS,
  UNUSED_CLIENTS,
} from './limits.ts'
import { createRateLimit, type RateLimit } from './rate.ts'
import { createCallerOf } from './remote-address.ts'

export interface StrangersOptions {
  limits?: OtherLimits
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` is believed. Default: none. */
  trustedProxies?: readonly string[]
  log: Log
}

/** Why a request is not even looked at. */
export type TooMuch = { status: 413 | 414; description: string } | { status: 429; description: string; seconds: number }

/**
 * The one place that bounds what strangers can make this server do and keep: by length, by rate for each address, and in total. Counted
 * in this process.
 *
 * The limits in total are not for addresses from which somebody had a token in the last day: while strangers use them up, those who are
 * known go on.
 */
export interface Strangers {
  /** @returns `undefined` for a request that is to be served. */
  refuse(req: IncomingMessage, path: string): TooMuch | undefined
  /** Told how a request was answered. */
  answered(req: IncomingMessage, path: string, status: number): void
  /** Told that a request did something that is limited. */
  count(activity: Activity, req: IncomingMessage): void
  /** Takes one. @returns Seconds to wait instead; `undefined` when there is one left. */
  take(activity: Activity, req: IncomingMessage): number | undefined
  /** Takes a place among the clients that nobody has used. @returns How long it may stay there, in seconds. */
  unusedClientSeconds(): number
  /** Told that somebody got a token. */
  welcome(req: IncomingMessage): void
}

interface Counter {
  address: RateLimit
  total?: RateLimit
}

const ACTIVITIES = Object.keys(LIMITS) as Activity[]

/** Addresses that are remembered as known, for so long. */
const KNOWN = { max: 10_000, ttl: 24 * 3600 * 1000, ttlResolution: 0 }

/** @throws {TypeError} A trusted proxy is no address and no range. */
export function createStrangers({ limits = {}, trustedProxies = [], log }: StrangersOptions): Strangers {
  const callerOf = createCallerOf(trustedProxies)
  const known = new LRUCache<string, true>({ ...KNOWN, perf: Date })
  const told = createSummary(log)
  const unusedClients = UNUSED_CLIENTS.map(rate => ({ seconds: rate.seconds, limit: createRateLimit(rate) }))
  const counterOf = (activity: Activity): Counter => {
    const { perAddress, inTotal }: Limit = { ...LIMITS[activity], ...limits[activity] }
    return { address: createRateLimit(perAddress), total: inTotal && createRateLimit(inTotal) }
  }
  const counters = new Map(ACTIVITIES.map(activity => [activity, counterOf(activity)]))
  const counter = (activity: Activity) => counters.get(activity) as Counter

  /** @returns Milliseconds to wait. */
  function waitOf(activity: Activity, address: string): number {
    const { address: each, total } = counter(activity)
    const ofAddress = each.wait(address)
    const wait = ofAddress || (known.has(address) ? 0 : (total?.wait('all') ?? 0))
    if (wait > 0) told(activity, ofAddress > 0 ? 'address' : 'total')
    return wait
  }

  function take(activity: Activity, address: string): void {
    const { address: each, total } = counter(activity)
    each.take(address)
    total?.take('all')
  }

  let warned = false
  /** Behind a proxy that nobody named, everybody has one address. */
  function warnOfProxy({ headers, socket }: IncomingMessage): void {
    const { remoteAddress = '' } = socket
    if (warned || trustedProxies.length > 0 || !headers['x-forwarded-for'] || isPublicAddress(remoteAddress)) return
    warned = true
    const reason = 'all requests through it share one limit; TRUSTED_PROXIES is not set'
    log('proxy_not_trusted', { proxy: remoteAddress, reason })
  }

  return {
    refuse(req, path) {
      warnOfProxy(req)
      const { urlLength, bodyBytes, activity, counts } = ruleOf(path, req.method)
      if ((req.url?.length ?? 0) > urlLength) {
        return { status: 414, description: `The address of this request may have ${urlLength} characters.` }
      }
      if (Number(req.headers['content-length'] ?? 0) > bodyBytes) {
        return { status: 413, description: `The body of this request may have ${bodyBytes} bytes.` }
      }
      if (!activity) return undefined
      const address = callerOf(req)
      const wait = waitOf(activity, address)
      if (wait === 0) {
        if (counts === 'each') take(activity, address)
        return undefined
      }
      const seconds = inSeconds(wait)
      return { status: 429, seconds, description: `Too many ${activity}; try again in ${seconds} seconds.` }
    },

    answered(req, path, status) {
      const { activity, counts } = ruleOf(path, req.method)
      const isCounted =
        counts === 'unauthorized' ? status === 401 : counts === 'refused' && status >= 400 && status < 500
      if (activity && isCounted) take(activity, callerOf(req))
    },

    count: (activity, req) => take(activity, callerOf(req)),

    take(activity, req) {
      const address = callerOf(req)
      const wait = waitOf(activity, address)
      if (wait > 0) return inSeconds(wait)
      take(activity, address)
      return undefined
    },

    unusedClientSeconds() {
      const place = unusedClients.find(({ limit }) => limit.take('all') === 0)
      return place?.seconds ?? SHORTEST_UNUSED_CLIENT_SECONDS
    },

    welcome: req => void known.set(callerOf(req), true),
  }
}

const inSeconds = (milliseconds: number) => Math.max(1, Math.ceil(milliseconds / 1000))

const TELL_EVERY_MILLISECONDS = 60_000

/** Tells of the first request that is one too many, and then once a minute of all since. */
function createSummary(log: StrangersOptions['log']) {
  const sums = new Map<string, { since: number; requests: number }>()
  return (activity: Activity, limit: 'address' | 'total'): void => {
    const key = `${activity} ${limit}`
    const sum = sums.get(key) ?? { since: 0, requests: 0 }
    sum.requests += 1
    if (millisecondsSince(sum.since) >= TELL_EVERY_MILLISECONDS) {
      log('strangers_refused', { activity, limit, requests: sum.requests })
      sum.since = Date.now()
      sum.requests = 0
    }
    sums.set(key, sum)
  }
}
