import { BODY_LIMIT } from '../http.ts'
import type { Rate } from './rate.ts'

/** What somebody may do whom this server does not know. */
export type Activity =
  | 'registrations'
  | 'authorization requests'
  | 'device codes'
  | 'device pages'
  | 'wrong user codes'
  | 'sign-in steps'
  | 'refused credentials'
  | 'documents'

/**
 * How long a registration that nobody uses is kept: by the first of these rates that is not used up, and for an hour when all are. Somebody
 * may register today and sign in after the weekend, and strangers fill the store with some 80,000 registrations of at most 8 kB.
 */
export const UNUSED_CLIENTS: readonly Rate[] = [
  { times: 5000, seconds: 7 * 24 * 3600 },
  { times: 10_000, seconds: 24 * 3600 },
]

/** Where those are used up. */
export const SHORTEST_UNUSED_CLIENT_SECONDS = 3600

export interface Limit {
  /** Of one address; of IPv6, of one /64. */
  perAddress: Rate
  /** Of all addresses from which nobody has had a token lately. Absent where nothing is stored and little is done. */
  inTotal?: Rate
}

export type Limits = Readonly<Record<Activity, Limit>>

/** Limits in place of some of {@link LIMITS}. */
export type OtherLimits = Readonly<Partial<Record<Activity, Partial<Limit>>>>

const TEN_MINUTES = 600
const MINUTE = 60

/**
 * How often, and why so often. An office, or a product that connects from its own servers, can be thousands of people behind one
 * address, all of whom have to sign in again after a restart or a revocation; what costs little is therefore allowed to one address as
 * often as they may need it at once. What is stored is bounded by the limit in total.
 */
export const LIMITS: Limits = {
  // Stored as long as UNUSED_CLIENTS says. A client registers once per person and computer.
  registrations: {
    perAddress: { times: 120, seconds: TEN_MINUTES },
    inTotal: { times: 2000, seconds: TEN_MINUTES },
  },
  // Stores nothing.
  'authorization requests': { perAddress: { times: 3000, seconds: TEN_MINUTES } },
  // Two records of 1 kB for 10 minutes: 6 MB in total.
  'device codes': {
    perAddress: { times: 300, seconds: TEN_MINUTES },
    inTotal: { times: 3000, seconds: TEN_MINUTES },
  },
  // Two records of 300 bytes for 20 minutes: 7 MB in total.
  'device pages': {
    perAddress: { times: 300, seconds: TEN_MINUTES },
    inTotal: { times: 6000, seconds: TEN_MINUTES },
  },
  // There are 20^8 codes. With a hundred in use, 6,000 attempts find one with a probability of 1 in 40,000 (RFC 8628 §5.1).
  'wrong user codes': {
    perAddress: { times: 30, seconds: TEN_MINUTES },
    inTotal: { times: 6000, seconds: TEN_MINUTES },
  },
  // Decisions on a page, each 1 to 2 kB for 20 minutes; and steps of a sign-in that is not there, which store nothing.
  'sign-in steps': {
    perAddress: { times: 3000, seconds: TEN_MINUTES },
    inTotal: { times: 20_000, seconds: TEN_MINUTES },
  },
  // Wrong secrets, codes and tokens. They store nothing, but each asks the store.
  'refused credentials': {
    perAddress: { times: 6000, seconds: TEN_MINUTES },
    inTotal: { times: 60_000, seconds: TEN_MINUTES },
  },
  // Documents that are not known yet: another server is asked, and up to 16 kB are stored for an hour.
  documents: {
    perAddress: { times: 20, seconds: MINUTE },
    inTotal: { times: 600, seconds: MINUTE },
  },
}

/** What one endpoint takes. */
export interface EndpointRule {
  /** Longest path and query, in characters. */
  urlLength: number
  /** Largest body, in bytes. */
  bodyBytes: number
  /** What is limited there. */
  activity?: Activity
  /**
   * Which requests are counted: each, those that are refused (4xx), those without good credentials (401), or those that
   * {@link Strangers.count} is told of.
   */
  counts?: 'each' | 'refused' | 'unauthorized' | 'told'
}

/** Proxies accept 8 kB. The longest authorization request becomes that long when it is encrypted into the address of a page. */
const PAGE_URL = 8000
const AUTHORIZATION_URL = 5000
/** A code of a provider may have 4 kB; after it comes the state. */
const CALLBACK_URL = 14_000
const OTHER_URL = 2000
/** Tokens, assertions and keys. */
const KILOBYTES_16 = 16_384

/** @param method - GET or POST. */
export function ruleOf(path: string, method: string | undefined): EndpointRule {
  const isPost = method === 'POST'
  const call = { urlLength: OTHER_URL, bodyBytes: KILOBYTES_16 }
  const form = { urlLength: PAGE_URL, bodyBytes: BODY_LIMIT }
  switch (path) {
    case '/oauth/register':
      return { ...call, bodyBytes: BODY_LIMIT, activity: 'registrations', counts: 'each' }
    case '/oauth/authorize':
      return { urlLength: AUTHORIZATION_URL, bodyBytes: 0, activity: 'authorization requests', counts: 'each' }
    case '/oauth/device_authorization':
      return { ...call, activity: 'device codes', counts: 'each' }
    case '/oauth/device':
      return isPost
        ? { ...form, activity: 'wrong user codes', counts: 'refused' }
        : { ...form, activity: 'device pages', counts: 'each' }
    case '/oauth/consent':
    case '/fakeupstreamauth/authorize':
      return { ...form, activity: 'sign-in steps', counts: isPost ? 'each' : 'refused' }
    case '/oauth/callback':
    case '/fakeupstreamauth/callback':
      return { urlLength: CALLBACK_URL, bodyBytes: 0, activity: 'sign-in steps', counts: 'refused' }
    case '/oauth/token':
      // A device that asks whether its code was confirmed by now is refused as well, and does nothing wrong.
      return { ...call, activity: 'refused credentials', counts: 'told' }
    case '/oauth/introspect':
      // What MCP servers ask about was sent to them by strangers: bad tokens are not their fault.
      return { ...call, activity: 'refused credentials', counts: 'unauthorized' }
    case '/oauth/revoke':
      // A token that nobody knows is no error there (RFC 7009 §2.2).
      return { ...call, activity: 'refused credentials', counts: 'each' }
    default:
      return { urlLength: OTHER_URL, bodyBytes: 0 }
  }
}
