import { protectedResourceMetadataUrl, wellKnownUrls } from 'idplug/internal'
import { type Challenge, parameterOf, parseChallenges } from './challenge.ts'
import type { Exchange } from './exchange.ts'
import { type Era, hello, type Message, message } from './messages.ts'
import { remembered, type Target } from './target.ts'

export const ERAS: readonly Era[] = ['2025-11-25', '2026-07-28']

/** Tokens that no issuer has made: opaque, and in the form of a JWT. */
export const MADE_UP = 'idplug-conformance-made-up-token'

/** Methods that a server without open methods refuses to anybody; calling them changes nothing. */
export function probes(era: Era): readonly Message[] {
  const list = [hello(era), message(era, 'tools/list')]
  return era === '2025-11-25' ? [...list, message(era, 'ping')] : list
}

interface Probed {
  readonly message: Message
  readonly answer: Exchange
}

/** The first method that is not declared open, in the revision that the server speaks, and its answer without a token. */
const probed = remembered(async (target: Target): Promise<Probed> => {
  const tool = message('2026-07-28', 'tools/call', { name: 'idplug-conformance', arguments: {} })
  const candidates = [...ERAS.flatMap(probes), tool].filter(({ method }) => !target.openMethods.has(method))
  let first: Probed | undefined
  for (const each of candidates.length === 0 ? [tool] : candidates) {
    const found = { message: each, answer: await target.call(each) }
    // A server of one revision may refuse the other for its form before it looks for a token, some with status 200.
    if (found.answer.status === 401 || isServed(found.answer)) return found
    first ??= found
  }
  return first as Probed
})

/** A message that is refused without a token. */
export const probe = async (target: Target): Promise<Message> => (await probed(target)).message
/** The answer to it without a token. */
export const bare = async (target: Target): Promise<Exchange> => (await probed(target)).answer

/** The answer to a made-up token. */
export const madeUp = remembered(async (target: Target): Promise<Exchange> => {
  return target.call(await probe(target), { authorization: `Bearer ${MADE_UP}` })
})

/** The answer to what is not JSON, without a token. */
export const notJson = remembered(async (target: Target): Promise<Exchange> => {
  return target.send({ headers: (await probe(target)).headers, body: '{"jsonrpc":' })
})

/** The challenge of a request without a token; `undefined` where it is not answered 401 with one. */
export const challenge = remembered(async (target: Target): Promise<Challenge | undefined> => {
  const found = await bare(target)
  return found.status === 401 ? challengeOf(found) : undefined
})

/** The challenge of an answer that a client would act on: for bearer tokens, else for DPoP. */
export function challengeOf({ headers }: Exchange): Challenge | undefined {
  const { challenges } = parseChallenges(headers.get('www-authenticate') ?? '')
  return ['bearer', 'dpop'].map(wanted => challenges.find(({ scheme }) => scheme === wanted)).find(Boolean)
}

export function parameter(exchange: Exchange, name: string): string | undefined {
  return parameterOf(challengeOf(exchange), name)
}

export const isSuccess = ({ status }: Exchange): boolean => status >= 200 && status < 300

/** Whether an answer is what a caller who may call gets. */
export function isServed(found: Exchange): boolean {
  return isSuccess(found) && !(found.json && 'error' in found.json)
}

/** How an answer is spoken of. */
export function answerOf({ status, failure }: Exchange): string {
  return status === 0 ? `no answer (${failure})` : `status ${status}`
}

/** Says that two URLs are one and the same string, but for the path of an origin, which may be left out (RFC 3986 §6.2.3). */
export function isSameUrl(a: string, b: string): boolean {
  const whole = (url: string) => (/^https?:\/\/[^/?#]+$/i.test(url) ? `${url}/` : url)
  return whole(a) === whole(b)
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

export type Document = Readonly<Record<string, unknown>>

const get = (target: Target, url: string) =>
  target.send({ method: 'GET', url, headers: { accept: 'application/json' } })

/** What is at the well-known URL with the path of the endpoint inserted. */
export const atPath = remembered(target => get(target, protectedResourceMetadataUrl(target.url)))
export const atRoot = remembered(async target => {
  const url = new URL(WELL_KNOWN, target.url).href
  return url === protectedResourceMetadataUrl(target.url) ? atPath(target) : get(target, url)
})
/** What is at the URL that the challenge names; `undefined` where it names none that is absolute. */
export const atChallenge = remembered(async (target): Promise<Exchange | undefined> => {
  const url = parameterOf(await challenge(target), 'resource_metadata')
  if (url === undefined || !URL.canParse(url)) return undefined
  return url === protectedResourceMetadataUrl(target.url) ? atPath(target) : get(target, url)
})

export interface Metadata {
  readonly found: Exchange
  readonly document: Document
  readonly via: 'challenge' | 'path' | 'root'
}

/**
 * Protected resource metadata: at the URL in the challenge, where clients look first, else at the well-known URLs. A challenge that
 * leads nowhere is the matter of C04, and keeps nobody from reading what there is.
 */
export const metadata = remembered(async (target): Promise<Metadata | undefined> => {
  const places = [
    ['challenge', atChallenge],
    ['path', atPath],
    ['root', atRoot],
  ] as const
  for (const [via, find] of places) {
    const found = await find(target)
    if (found && isDocument(found)) return { found, document: found.json as Document, via }
  }
  return undefined
})

export const isDocument = ({ status, json }: Exchange): boolean => status === 200 && json !== undefined

export interface AuthorizationServer {
  /** As the metadata of the resource spells it. */
  readonly issuer: string
  /** Places that were asked, the one that answered last. */
  readonly asked: readonly Exchange[]
  readonly document: Document | undefined
}

/** Most that are asked: a document may name any number. */
const MAX_SERVERS = 5

/** The authorization servers that the metadata names, with what they publish. */
export const authorizationServers = remembered(async (target): Promise<readonly AuthorizationServer[]> => {
  const issuers = listOf((await metadata(target))?.document.authorization_servers).slice(0, MAX_SERVERS)
  return Promise.all(
    issuers.map(async issuer => {
      const asked: Exchange[] = []
      for (const url of URL.canParse(issuer) ? wellKnownUrls(issuer) : []) {
        const found = await get(target, url)
        asked.push(found)
        if (isDocument(found)) return { issuer, asked, document: found.json as Document }
      }
      return { issuer, asked, document: undefined }
    }),
  )
})

/** The strings of a list. */
export function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}
