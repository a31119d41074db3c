import type { Environment } from './environment.ts'

/**
 * As in a shell, anywhere in a text: `${NAME}`, `${NAME:-default}`, and `${NAME:+text}` for a text that counts only where NAME is
 * set. Default and text may hold references, which have none that do.
 */
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])((?:[^{}]|\$\{[^{}]*\})*))?\}/g

/** What came of the references in a file. Places are paths: `scopeNames.notes:read.wire`. */
export interface Expansion {
  /** A text with a reference that failed is left as it was. */
  readonly value: unknown
  /** Variables that are not set and have no default, with the places that need them. */
  readonly missing: ReadonlyMap<string, readonly string[]>
  /** Variables that stand where a URL has its host, or a part of its path, and hold something else, with those places. */
  readonly noHosts: ReadonlyMap<string, readonly string[]>
}

/** A host, or a part of a path, encoded where it has to be. */
const PART = /^[^\s/?#@,;$"\\]*$/

/**
 * Replaces references to the environment in all texts of a JSON value. A text that consists of one reference which expands to
 * nothing is left out, so that the schema's default applies.
 */
export function expandReferences(value: unknown, env: Environment): Expansion {
  const missing = new Map<string, string[]>()
  const noHosts = new Map<string, string[]>()

  function expandText(text: string, place: string): string | undefined {
    let failed = false
    const fail = (list: Map<string, string[]>, name: string) => {
      failed = true
      list.set(name, [...(list.get(name) ?? []), place])
      return ''
    }
    const expanded = text.replace(
      REFERENCE,
      (_reference, name: string, operator: string | undefined, word: string | undefined, index: number) => {
        const set = env[name]?.trim()
        const other = () => word && (expandText(word, place) ?? '')
        const found = operator === '+' ? (set ? other() : '') : set || other()
        if (found === undefined) return fail(missing, name)
        // https://https://tenant.example.com is a URL to every parser.
        if (set === found && text[index - 1] === '/' && !PART.test(set)) return fail(noHosts, name)
        return found
      },
    )
    if (failed) return text
    return expanded === '' && text !== '' ? undefined : expanded
  }

  function expand(part: unknown, place: string): unknown {
    if (typeof part === 'string') return expandText(part, place)
    if (Array.isArray(part)) return part.map((item, index) => expand(item, `${place}.${index}`))
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(
      Object.entries(part)
        .map(([key, item]) => [key, expand(item, place ? `${place}.${key}` : key)] as const)
        .filter(([, item]) => item !== undefined),
    )
  }

  return { value: expand(value, ''), missing, noHosts }
}

/** The variable that a text is taken from, so that a problem can be reported under the name that the user set. */
export function referenceIn(text: unknown, env: Environment): string | undefined {
  if (typeof text !== 'string') return undefined
  const names = [...text.matchAll(/\$\{(\w+)/g)].map(match => match[1] ?? '')
  return names.find(name => env[name]?.trim()) ?? names[0]
}
