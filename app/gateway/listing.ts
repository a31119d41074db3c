import { formOf } from 'idplug/internal'

/** Whether the caller may use something. */
export type Allows = (kind: 'tool' | 'resource' | 'prompt', name: string) => boolean

/** Members of the results of listings, and the member of an entry that rules name. */
const LISTS = [
  ['tools', 'tool', 'name'],
  ['resources', 'resource', 'uri'],
  ['resourceTemplates', 'resource', 'uriTemplate'],
  ['prompts', 'prompt', 'name'],
] as const

/** A message without those entries of a listing that the caller cannot use. Every other message stays as it is. */
export function withoutUnusable(message: object, allows: Allows): object {
  const { result } = message as { result?: Record<string, unknown> }
  if (typeof result !== 'object' || result === null) return message
  let changed: Record<string, unknown> | undefined
  for (const [member, kind, key] of LISTS) {
    const entries = result[member]
    if (!Array.isArray(entries)) continue
    changed ??= { ...result }
    changed[member] = entries.filter(entry => allows(kind, String((entry as Record<string, unknown> | null)?.[key])))
    // Nobody else may be shown what this caller sees.
    if (changed.cacheScope === 'public') changed.cacheScope = 'private'
  }
  return changed ? { ...message, result: changed } : message
}

const LISTINGS = new Set(['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'])

/** Whether a listing may be in the answer to a request, as servers read it. A stream that is taken up again may have any. */
export function mayList(method: string | undefined, body: unknown): boolean {
  if (method === 'GET') return true
  const messages = (Array.isArray(body) ? body : [body]) as readonly (
    | { readonly method?: unknown }
    | null
    | undefined
  )[]
  return messages.some(message => typeof message?.method === 'string' && LISTINGS.has(formOf(message.method)))
}
