import { shortened } from 'idplug/internal'
import type { Exchange } from './exchange.ts'
import type { Target } from './target.ts'

/** A request as a person can repeat it, and what came back. */
export interface Evidence {
  /** A command for curl, in several lines; a token of the person is `$TOKEN`. */
  readonly sent: string
  /** 0 where there was no answer. */
  readonly status: number
  /** Status, headers that matter and the beginning of the body, a line each. */
  readonly seen: readonly string[]
}

/** Headers of answers that say something about authorization. */
const TELLING = [
  'www-authenticate',
  'content-type',
  'location',
  'allow',
  'cache-control',
  'retry-after',
  'access-control-allow-origin',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'dpop-nonce',
]
const MAX_BODY = 300
const MAX_HEADER = 600
const MAX_SENT_BODY = 400
const MAX_SENT_VALUE = 200

export function evidenceOf(exchange: Exchange, { redact }: Target): Evidence {
  return { sent: curlOf(exchange, redact), status: exchange.status, seen: seenOf(exchange, redact) }
}

type Redact = Target['redact']

/** An option a line, so that it can be copied from a terminal. */
function curlOf({ request: { method, url, headers, body } }: Exchange, redact: Redact): string {
  const fields = Object.entries(headers)
    .filter(([name]) => name !== 'user-agent')
    .flatMap(([name, value]) => [value].flat().flatMap(each => (each === undefined ? [] : [[name, each] as const])))
  const command = method === 'HEAD' ? 'curl -sI' : `curl -si${method === 'GET' ? '' : ` -X ${method}`}`
  return [
    `${command} ${quoted(redact(url))}`,
    ...fields.map(([name, value]) => `-H ${quoted(`${name}: ${beginning(redact(value), MAX_SENT_VALUE)}`)}`),
    ...(body === undefined ? [] : [`--data-raw ${quoted(beginning(redact(body), MAX_SENT_BODY))}`]),
  ].join(' \\\n  ')
}

/** For a shell: in single quotes, but for what holds the variable of a token. */
function quoted(text: string): string {
  if (!/\$[A-Z_]+TOKEN\b|\$TOKEN\b/.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`
  return `"${text.replace(/["\\`]|\$(?![A-Z_]*TOKEN\b)/g, '\\$&')}"`
}

/** The beginning of a longer text, with the length of it all. */
function beginning(text: string, most: number): string {
  const shown = shortened(text, Number.POSITIVE_INFINITY)
  return shown.length > most ? `${shown.slice(0, most / 2)}… (${Buffer.byteLength(text)} bytes)` : shown
}

function seenOf({ status, headers, text, failure }: Exchange, redact: Redact): string[] {
  if (status === 0) return [failure ?? 'no answer']
  const named = TELLING.flatMap(name => {
    const value = headers.get(name)
    return value === null ? [] : [`${name}: ${clipped(redact(value), MAX_HEADER)}`]
  })
  return [`status ${status}`, ...named, ...(text === '' ? [] : [clipped(redact(text), MAX_BODY)])]
}

function clipped(text: string, most: number): string {
  return shortened(text.trim().replace(/\s+/g, ' '), most)
}
