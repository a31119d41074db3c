import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** A request as the parts of the server read it. */
export interface Request {
  readonly method: string
  readonly url: URL
  /** Values of a header, one for each time it was sent. */
  all(name: string): readonly string[]
  /** Read when it is asked for: whoever may not call is refused before. */
  body(): Promise<string>
}

/** A response that is still to be written. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
  /** Event streams stay open until then, in seconds since the Unix epoch. */
  readonly openUntil?: number
}

/** Why a request is not served. */
export interface Refusal {
  readonly status: number
  readonly error?: string
  readonly description: string
  /** What the operation needs. */
  readonly scopes?: readonly string[]
  /** In place of the configured schemes. */
  readonly scheme?: 'DPoP'
}

export const isRefusal = (value: object): value is Refusal => 'status' in value

export function requestOf(message: IncomingMessage, origin: string): Request {
  let body: Promise<string> | undefined
  return {
    method: message.method ?? 'GET',
    url: new URL(message.url ?? '/', origin),
    all: name => message.headersDistinct[name] ?? [],
    body: () => (body ??= text(message)),
  }
}

export function json(status: number, value: unknown, headers: Answer['headers'] = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}

export const withHeader = (answer: Answer, name: string, value: string | readonly string[]): Answer => ({
  ...answer,
  headers: { ...answer.headers, [name]: value },
})

export function withoutHeader(answer: Answer, name: string): Answer {
  const { [name]: _, ...headers } = answer.headers
  return { ...answer, headers }
}
