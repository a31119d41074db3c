import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { clip, isPlainText, networkFailure } from 'idplug/internal'
import { unaskedInterim, unreadableAnswer } from './socket-failure.ts'

const MILLISECONDS = 10_000
/** Servers of 2024-11-05 send the first event at once; others may keep a stream open without any. */
const FIRST_EVENT_MILLISECONDS = 2_000
const MOST_CHARACTERS = 4_096

/** Answered by every server of Streamable HTTP, if only by an error; it begins no session and changes nothing. */
const PING = { jsonrpc: '2.0', id: 'idplug', method: 'ping' }

/** What is wrong with a target. */
export interface TargetProblem {
  /** `refuses`: it answers 401 or 403. `not MCP`: something is there, and it is no MCP endpoint. */
  readonly kind: 'unreachable' | 'refuses' | 'not MCP'
  /** In a sentence without its full stop. */
  readonly seen: string
  /** In sentences. */
  readonly cure: string
}

/** Where the person named what is wrong: options of the command line, or members of the file. */
export interface TargetWords {
  readonly url: string
  readonly credential: string
  readonly sse: string
}

export const COMMAND_LINE: TargetWords = {
  url: '--to',
  credential: '--credential-env',
  sse: '--transport sse',
}
export const GATEWAY_FILE: TargetWords = {
  url: 'to',
  credential: '"identity": {"credentialEnv": "NAME"}',
  sse: '"transport": "sse"',
}

/**
 * Asks a target once whether it is an MCP endpoint, before a person signs in and meets what is wrong with it.
 *
 * @param headers - Of a credential for the target. Default: none.
 * @param words - For the cure. Default: the options of the command line.
 * @returns `undefined` where nothing seems to be wrong.
 */
export async function targetProblem(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  fetch: typeof globalThis.fetch = globalThis.fetch,
  words = COMMAND_LINE,
): Promise<TargetProblem | undefined> {
  const place = withoutQuery(new URL(url))
  const correctPath = `Correct the path of its URL (${words.url}).`
  const notMcp = (seen: string, cure: string): TargetProblem => ({ kind: 'not MCP', seen, cure })
  let answer: Response
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
      body: JSON.stringify(PING),
      redirect: 'manual',
      signal: AbortSignal.timeout(MILLISECONDS),
    })
    await answer.body?.cancel()
  } catch (error) {
    const interim = unaskedInterim((error as Error).cause)
    if (interim) {
      return notMcp(`${place} cannot be used: ${interim}`, 'Have it send that only to requests with Expect or Upgrade.')
    }
    const unreadable = unreadableAnswer((error as Error).cause)
    if (unreadable)
      return notMcp(`${place} cannot be used: ${unreadable}`, `Correct its URL (${words.url}), or the server.`)
    const isLate = (error as Error).name === 'TimeoutError'
    const { detail, cure = cureOf(detail, words) } = networkFailure(error)
    const seen = isLate
      ? `${place} did not answer within ${MILLISECONDS / 1000} seconds`
      : `${place} cannot be reached (${detail})`
    return { kind: 'unreachable', seen, cure }
  }
  const { status } = answer
  const type = answer.headers.get('content-type')?.split(';')[0]
  if (status === 401 || status === 403) {
    const seen = `${place} wants a credential of its own (status ${status})`
    return { kind: 'refuses', seen, cure: `Give it one with ${words.credential}, or turn its sign-in off.` }
  }
  // As clients do that look for an older server (MCP 2025-06-18, Transports, "Backwards Compatibility").
  if ([400, 404, 405].includes(status) && (await speaksSse(url, headers, fetch))) {
    return notMcp(`${place} speaks HTTP+SSE (2024-11-05), which is another protocol`, `Add ${words.sse}.`)
  }
  if (status === 404) return notMcp(`there is nothing at ${place} (status 404)`, correctPath)
  if (status === 405) return notMcp(`${place} takes no messages (status 405)`, correctPath)
  if (status >= 300 && status < 400) {
    const next = URL.parse(answer.headers.get('location') ?? '', url)
    const location = next ? clip(withoutQuery(next)) : 'nowhere'
    return notMcp(`${place} redirects to ${location} (status ${status})`, `Correct its URL (${words.url}).`)
  }
  if (type === 'text/html') return notMcp(`${place} answers with text/html, which no MCP server does`, correctPath)
  return undefined
}

function cureOf(failure: string, words: TargetWords): string {
  if (isPlainText(failure)) return `It does not speak https there: use http:// (${words.url}).`
  if (/SELF_SIGNED|^UNABLE_TO_/.test(failure)) {
    return 'Have NODE_EXTRA_CA_CERTS name the file (PEM) of the certificate that its own is signed with.'
  }
  return `Start it, or correct its URL (${words.url}).`
}

/** Whether a stream begins with the event that says where messages go. */
async function speaksSse(url: string, headers: Readonly<Record<string, string>>, fetch: typeof globalThis.fetch) {
  try {
    const { ok, body } = await fetch(url, {
      headers: { accept: 'text/event-stream', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(FIRST_EVENT_MILLISECONDS),
    })
    let text = ''
    for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      if (ok && /^event: ?endpoint$/m.test(text)) return true
      if (!ok || text.length > MOST_CHARACTERS) return false
    }
  } catch {
    // It is no such server, or one that says nothing.
  }
  return false
}

/** For messages: the query may hold a secret. */
export const withoutQuery = ({ origin, pathname }: URL) => origin + pathname

/** Looks whether there is a command of this name, before somebody signs in and meets that there is none. */
export function commandProblem(command: string, path = process.env.PATH ?? ''): TargetProblem | undefined {
  // There, the system tries endings and places that are not in PATH.
  if (process.platform === 'win32') return undefined
  const places = command.includes('/') ? [command] : path.split(delimiter).map(folder => join(folder, command))
  if (places.some(canRun)) return undefined
  const seen = `there is no command ${command}${command.includes('/') ? '' : ' in PATH'}`
  return { kind: 'unreachable', seen, cure: 'Install it, or correct its name.' }
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
