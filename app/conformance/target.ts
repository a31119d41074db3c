import { setTimeout as delay } from 'node:timers/promises'
import { isLoopback, urlProblem } from 'idplug/internal'
import { isPublicAddress } from '../../demo-as/clients/public-addresses.ts'
import { version } from '../version.ts'
import type { Need, TokenKind } from './check.ts'
import { type Exchange, exchange, type HeaderFields, NOT_CALLED, type WireRequest } from './exchange.ts'
import type { Laboratory } from './laboratory.ts'
import type { Message } from './messages.ts'

/** The server under test, and what there is to test it with. */
export interface Target {
  /** URL of the MCP endpoint, as the person gave it. */
  readonly url: string
  /** Whether the server is the person's own: it stands a flood of requests. */
  readonly isOwn: boolean
  /** JSON-RPC methods that the person says need no token. */
  readonly openMethods: ReadonlySet<string>
  readonly tokens: Readonly<Partial<Record<TokenKind, string>>>
  /** A tool that the low-scope token may not call. */
  readonly tool: string | undefined
  /** The issuer that the server trusts, where it is the kit's own. */
  readonly laboratory: Laboratory | undefined
  /** Whether there is what a check needs. */
  has(need: Need): boolean
  /**
   * Sends one request. A URL that is not on the server's own origin is called only when the server may name it: `https:`, and
   * no private address unless the server has one itself.
   */
  send(request: Partial<WireRequest>): Promise<Exchange>
  /** Sends a JSON-RPC message to the endpoint. */
  call(message: Message, headers?: HeaderFields): Promise<Exchange>
  /** From now on this value is replaced by `label` in everything that is printed. */
  hide(secret: string, label: string): void
  /** What may be printed of a text. */
  redact(text: string): string
  /** Exchanges since the last call. */
  takeExchanges(): readonly Exchange[]
}

export interface TargetOptions {
  readonly tokens?: Target['tokens']
  readonly tool?: string
  readonly laboratory?: Laboratory
  /** JSON-RPC methods that are open to everybody. Default: none. */
  readonly openMethods?: readonly string[]
  /** Default: whether it is on this machine. */
  readonly isOwn?: boolean
  /** What else there is. */
  readonly provides?: readonly Need[]
  /** Longest wait for an answer, in milliseconds. Default 10,000. */
  readonly timeoutMilliseconds?: number
}

const USER_AGENT = `idplug-conformance/${version} (+https://github.com/idplug/idplug/blob/main/docs/conformance/README.md)`
const AT_ONCE = 3
/** Between two requests to a server that may not be the person's own. */
const GAP_MILLISECONDS = 40
/** Longest wait that a server that limits requests can ask for. */
const MAX_RETRY_SECONDS = 10
const RETRIES = 2
/** Shorter parts of a token are no secret, and may be words. */
const MIN_PART = 20

const LABELS: Readonly<Record<TokenKind, string>> = {
  token: '$TOKEN',
  'low-scope-token': '$LOW_SCOPE_TOKEN',
  'other-audience-token': '$OTHER_AUDIENCE_TOKEN',
}

export function createTarget(url: string, options: TargetOptions = {}): Target {
  const { tokens = {}, tool, laboratory, timeoutMilliseconds } = options
  const { origin, hostname } = new URL(url)
  const isOwn = options.isOwn ?? isLoopback(hostname)
  const isLocal = isLoopback(hostname)
  const secrets = new Map<string, string>()
  let exchanges: Exchange[] = []
  const patient = createPatience()
  const turn = createGate(AT_ONCE, isOwn ? 0 : GAP_MILLISECONDS)

  const target: Target = {
    url,
    isOwn,
    openMethods: new Set(options.openMethods),
    tokens,
    tool,
    laboratory,
    has(need) {
      if (need === 'own') return isOwn
      if (need === 'tool') return tool !== undefined
      if (need === 'issuer') return laboratory !== undefined
      return need in tokens || (options.provides?.includes(need) ?? false)
    },
    async send(partial) {
      const request = {
        method: 'POST',
        url,
        ...partial,
        headers: { 'user-agent': USER_AGENT, ...partial.headers },
      }
      const isNamed = URL.canParse(request.url) && new URL(request.url).origin === origin
      const problem = isNamed ? undefined : problemOf(request.url, isLocal)
      const mayBePrivate = isNamed || isLocal || isPrivateHost(hostname)
      const found = problem
        ? uncalled(request, problem)
        : await turn(() => patient(() => exchange(request, { timeoutMilliseconds, mayBePrivate })))
      exchanges.push(found)
      return found
    },
    call(message, headers) {
      return target.send({ headers: { ...message.headers, ...headers }, body: message.body })
    },
    hide(secret, label) {
      // A server may show a part of a token, or have decoded it from a URL.
      const parts = secret.split('.').filter(part => part.length >= MIN_PART)
      for (const each of [...parts, encodeURIComponent(secret), secret]) secrets.set(each, label)
    },
    redact(text) {
      // The longest first: one may be a part of another.
      const known = [...secrets].sort(([a], [b]) => b.length - a.length)
      return known.reduce((rest, [secret, label]) => rest.replaceAll(secret, label), text)
    },
    takeExchanges() {
      const taken = exchanges
      exchanges = []
      return taken
    },
  }
  for (const [kind, token] of Object.entries(tokens)) target.hide(token, LABELS[kind as TokenKind])
  return target
}

function problemOf(url: string, isLocal: boolean): string | undefined {
  const problem = urlProblem(url, isLocal)
  if (problem) return problem
  const { username, password } = new URL(url)
  return username || password ? 'holds credentials' : undefined
}

function isPrivateHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return /^[\d.]+$|:/.test(address) && !isPublicAddress(address)
}

function uncalled(request: WireRequest, problem: string): Exchange {
  const failure = `${NOT_CALLED}the URL ${problem}`
  return { request, status: 0, headers: new Headers(), text: '', json: undefined, milliseconds: 0, failure }
}

/** Waits as a server that limits requests asks for, and asks again; no more once that was in vain, until it answers. */
function createPatience() {
  let retries = RETRIES
  return async (ask: () => Promise<Exchange>): Promise<Exchange> => {
    for (let tries = 0; ; tries++) {
      const answer = await ask()
      const isLimited = answer.status === 429
      const seconds = Number(answer.headers.get('retry-after') ?? 1)
      if (isLimited && tries < retries && seconds <= MAX_RETRY_SECONDS) {
        await delay(Math.max(seconds, 0.1) * 1000)
        continue
      }
      retries = isLimited ? 0 : RETRIES
      return answer
    }
  }
}

/** Lets so many through at once, and each only some time after the one before it. */
function createGate(atOnce: number, gapMilliseconds: number) {
  let running = 0
  let next = Promise.resolve()
  const waiting: (() => void)[] = []
  return async <T>(act: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) await new Promise<void>(resolve => waiting.push(resolve))
    running++
    try {
      if (gapMilliseconds > 0) {
        const mine = next
        next = mine.then(() => delay(gapMilliseconds))
        await mine
      }
      return await act()
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}

/** A fact about a server that several checks need, found out once. */
export function remembered<T>(find: (target: Target) => Promise<T>): (target: Target) => Promise<T> {
  const known = new WeakMap<Target, Promise<T>>()
  return target => {
    const before = known.get(target)
    if (before) return before
    const found = find(target)
    known.set(target, found)
    return found
  }
}
