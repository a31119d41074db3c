import { setTimeout as delay } from 'node:timers/promises'
import { type Check, failed, type Judgement, mild, passed, skipped } from './check.ts'
import { type Exchange, exchange, type HeaderFields } from './exchange.ts'
import { answerOf, ERAS, isServed, isSuccess, madeUp, parameter } from './facts.ts'
import type { TokenChanges } from './issuer/issuer.ts'
import type { Laboratory } from './laboratory.ts'
import { type Era, hello, type Message, message } from './messages.ts'
import { remembered, type Target } from './target.ts'

export interface Question {
  readonly era: Era
  readonly message: Message
}

/** What the server answers to a good token: the message that tokens are tried with. */
const asked = remembered(async (target: Target): Promise<{ question: Question; answer: Exchange }> => {
  const headers = bearer(target.tokens.token ?? '')
  let first: { question: Question; answer: Exchange } | undefined
  for (const era of ERAS) {
    for (const candidate of [hello(era), message(era, 'tools/list')]) {
      if (target.openMethods.has(candidate.method)) continue
      const found = { question: { era, message: candidate }, answer: await target.call(candidate, headers) }
      if (isServed(found.answer)) return found
      first ??= found
    }
    if (era === '2026-07-28') continue
    // The handshake is open to everybody, and the rest needs a session.
    const session = await openSession(target, era, {})
    const inSession = message(era, 'tools/list', {}, session)
    const found = { question: { era, message: inSession }, answer: await target.call(inSession, headers) }
    if (isServed(found.answer)) return found
    first ??= found
  }
  return first as { question: Question; answer: Exchange }
})

export const question = async (target: Target): Promise<Question> => (await asked(target)).question
/** The answer to a good token. */
export const good = async (target: Target): Promise<Exchange> => (await asked(target)).answer

export const bearer = (token: string): HeaderFields => ({ authorization: `Bearer ${token}` })

/** Shows a token to the server. @param label - What is printed in its place. */
export async function present(target: Target, token: string, label: string): Promise<Exchange> {
  target.hide(token, `<${label}>`)
  const { message } = await question(target)
  return target.call(message, bearer(token))
}

/** The same, with another bound for the answer, and past the gate that keeps the number of requests at once low. */
export async function presentPatiently(
  target: Target,
  token: string,
  label: string,
  timeoutMilliseconds: number,
): Promise<Exchange> {
  target.hide(token, `<${label}>`)
  const { headers, body } = (await question(target)).message
  const request = { method: 'POST', url: target.url, headers: { ...headers, ...bearer(token) }, body }
  return exchange(request, { mayBePrivate: true, timeoutMilliseconds })
}

/** Begins a session where the server has them. @returns Headers for the requests in it. */
export async function openSession(target: Target, era: Era, headers: HeaderFields): Promise<HeaderFields> {
  if (era === '2026-07-28') return {}
  const answer = await target.call(hello(era), headers)
  const id = answer.headers.get('mcp-session-id')
  if (id === null) return {}
  const session = { 'mcp-session-id': id }
  await target.call(message(era, 'notifications/initialized', {}, session, null), headers)
  return session
}

/** Calls a tool without arguments, in a session of its own where the server has sessions. */
export async function callTool(
  target: Target,
  name: string,
  token: string,
  id: number | string = 7,
): Promise<Exchange> {
  const { era } = await question(target)
  const session = await openSession(target, era, bearer(token))
  return target.call(message(era, 'tools/call', { name, arguments: {} }, session, id), bearer(token))
}

const INVALID_PARAMS = -32602

/** Whether a call got past authorization to the tool, which need not like to be called without arguments. */
export function isLetThrough(found: Exchange): boolean {
  return isSuccess(found) || (found.json?.error as { code?: unknown } | undefined)?.code === INVALID_PARAMS
}

/** A token that must be refused. */
export interface Wrong {
  /** What is wrong with it: `a token …`. */
  readonly label: string
  readonly token: string
  /** It is worth a warning only. */
  readonly isMild?: boolean
  /** It names a key that does not exist: a server that has just looked for keys need not look again, and may answer 503. */
  readonly hasUnknownKey?: boolean
}

/**
 * Shows each token, and expects 401 with `invalid_token`. What the 401 to a made-up token lacks as well is the matter of B09, and not
 * reported for each kind of token again.
 */
export async function refusesAll(target: Target, wrongs: readonly Wrong[]): Promise<Judgement> {
  const problems: { text: string; found: Exchange; isMild: boolean }[] = []
  const usual = parameter(await madeUp(target), 'error')
  for (const { label, token, isMild = false, hasUnknownKey } of wrongs) {
    const found = await present(target, token, label)
    if (hasUnknownKey && found.status === 503) continue
    const text = problemOf(found, label, usual)
    // 400: it is refused, though not as it should be. 503: the server cannot tell now whether there is such a key.
    const isRefused = [400, 401, 503].includes(found.status)
    if (text !== undefined) problems.push({ text, found, isMild: isMild || isRefused })
  }
  if (problems.length === 0) return passed()
  const judge = problems.every(({ isMild }) => isMild) ? mild : failed
  return judge(problems.map(({ text }) => text).join('; '), ...problems.slice(0, 2).map(({ found }) => found))
}

function problemOf(found: Exchange, label: string, usual: string | undefined): string | undefined {
  if (isServed(found)) return `accepts ${label}`
  if (found.status === 403) return `takes ${label} for a valid one (status 403)`
  if (found.status !== 401) return `${answerOf(found)}, not 401, to ${label}`
  const error = parameter(found, 'error')
  return error === 'invalid_token' || error === usual
    ? undefined
    : `the 401 to ${label} does not say error="invalid_token"`
}

/** Tokens of the issuer, each good but for its changes. */
export function minted({ issuer }: Laboratory, changes: Readonly<Record<string, TokenChanges>>): Promise<Wrong[]> {
  return Promise.all(
    Object.entries(changes).map(async ([label, change]) => ({ label, token: await issuer.token(change) })),
  )
}

/** A check that means something only while the server accepts good tokens. */
export function withGood(run: Check['run']): Check['run'] {
  return async target => (isServed(await good(target)) ? run(target) : skipped('the server refuses a good token (V01)'))
}

/** The same, for one that has the server's issuer. */
export function withIssuer(
  run: (target: Target, laboratory: Laboratory) => Promise<Judgement>,
  mode?: 'jwt' | 'introspection',
): Check['run'] {
  const inMode = withGood(async target => {
    const laboratory = target.laboratory as Laboratory
    try {
      return await run(target, laboratory)
    } finally {
      laboratory.issuer.recover()
    }
  })
  return async target => {
    const { issuer } = target.laboratory as Laboratory
    if (mode === 'jwt' && issuer.mode !== mode) return skipped('the server introspects tokens: it verifies none itself')
    if (mode === 'introspection' && issuer.mode !== mode) return skipped('the server introspects no token (--mode)')
    return inMode(target)
  }
}

const POLL_MILLISECONDS = 250

/** Asks again, several times a second, until the answer is as wished or patience ends. @returns Seconds that it took. */
export async function eventually(
  { patienceSeconds }: Laboratory,
  ask: () => Promise<Exchange>,
  wished: (found: Exchange) => boolean,
): Promise<{ found: Exchange; seconds: number; isThere: boolean }> {
  const started = performance.now()
  for (;;) {
    const found = await ask()
    const seconds = Math.round((performance.now() - started) / 1000)
    if (wished(found)) return { found, seconds, isThere: true }
    if (seconds >= patienceSeconds) return { found, seconds, isThere: false }
    await delay(POLL_MILLISECONDS)
  }
}
