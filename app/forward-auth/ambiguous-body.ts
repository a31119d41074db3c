import type { IncomingHttpHeaders } from 'node:http'
import { ambiguousMember, isJsonRpc } from '../gateway/message.ts'
import { headersMatch } from '../gateway/operation-headers.ts'

/**
 * Whether the server may take a body for another one than was checked. It gets what the client wrote, so a key that stands twice, or
 * `Method` beside `method`, is for its parser to choose. (The gateway writes bodies anew.)
 *
 * @param text - As it came in.
 * @param value - What `JSON.parse` made of it.
 * @param headers - Of the request; those that name the operation have to agree with the body.
 */
export function isAmbiguous(text: string, value: unknown, headers: IncomingHttpHeaders): boolean {
  return (
    !isJsonRpc(value) ||
    ambiguousMember(value) !== undefined ||
    !headersMatch(headers, value) ||
    (text.includes(BROKEN) && isBrokenOutside(value)) ||
    membersWritten(text) !== membersRead(value)
  )
}

/** Stands where the bytes were not UTF-8. Some servers leave such bytes out, and so read another name than was checked. */
const BROKEN = '\ufffd'

/** Whether there are such bytes anywhere but in the arguments of an operation, which decide nothing. */
function isBrokenOutside(value: unknown): boolean {
  const open: unknown[] = [value].flat().flatMap(message => {
    const { params, ...others } = message as { params?: Record<string, unknown> | null }
    const { arguments: _undecided, ...deciding } = params ?? {}
    return [others, deciding]
  })
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string' && next.includes(BROKEN)) return true
    if (typeof next !== 'object' || next === null) continue
    for (const [name, member] of Object.entries(next)) open.push(name, member)
  }
  return false
}

/**
 * How many members all objects of a JSON text have: each has one colon outside of strings.
 *
 * @param text - Known to be JSON, so every string ends.
 */
function membersWritten(text: string): number {
  let count = 0
  let isInString = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') isInString = !isInString
    else if (character === '\\') at++
    else if (character === ':' && !isInString) count++
  }
  return count
}

/** Of keys that stand twice, `JSON.parse` keeps one. */
function membersRead(value: unknown): number {
  const open = [value]
  let count = 0
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const members = Object.values(next)
    if (!Array.isArray(next)) count += members.length
    for (const member of members) open.push(member)
  }
  return count
}
