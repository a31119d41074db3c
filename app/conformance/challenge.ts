/** One challenge of a `WWW-Authenticate` field (RFC 9110 §11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** Names in lower case, values without quotes, in the order in which they were sent; a name may come twice. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** The challenges of a field, or why it cannot be read by the grammar. */
export type ParsedChallenges =
  | { readonly problem?: undefined; readonly challenges: readonly Challenge[] }
  | { readonly problem: string; readonly challenges: readonly Challenge[] }

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"/y
const SPACE = /[ \t]*/y

/**
 * Reads a field by the grammar of RFC 9110 §11.6.1: a list of challenges, each a scheme with parameters (or one token68).
 *
 * @param field - As received; several fields are joined by commas (RFC 9110 §5.3).
 */
export function parseChallenges(field: string): ParsedChallenges {
  const challenges: { scheme: string; parameters: [string, string][] }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(field)
    if (found) at = pattern.lastIndex
    return found
  }
  const near = () => JSON.stringify(field.slice(at, at + 20))

  while (at < field.length) {
    take(SPACE)
    // Empty members of a list are allowed (RFC 9110 §5.6.1.2).
    if (field[at] === ',') {
      at++
      continue
    }
    if (at >= field.length) break
    const [word] = take(TOKEN) ?? []
    if (word === undefined) return { problem: `a scheme or a parameter is expected at ${near()}`, challenges }
    const isParameter = /^[ \t]*=(?![=,]|[ \t]*$)/.test(field.slice(at))
    if (isParameter) {
      take(SPACE)
      at++ // =
      take(SPACE)
      const current = challenges.at(-1)
      if (!current) return { problem: `the parameter ${word} stands before any scheme`, challenges }
      const quoted = take(QUOTED)
      const value = quoted ? quoted[1]?.replace(/\\(.)/g, '$1') : take(TOKEN)?.[0]
      if (value === undefined) {
        return { problem: `the value of ${word} is neither a token nor a complete quoted string`, challenges }
      }
      current.parameters.push([word.toLowerCase(), value])
    } else {
      challenges.push({ scheme: word.toLowerCase(), parameters: [] })
      if (/^ +[^ ,]/.test(field.slice(at))) {
        take(SPACE)
        const start = at
        // `a=b` is a parameter, `YWJj=` and `abc` are a token68.
        const isName = take(TOKEN) && /^[ \t]*=[ \t]*[^=, \t]/.test(field.slice(at))
        at = start
        if (!isName && !take(TOKEN68)) return { problem: `a parameter is expected at ${near()}`, challenges }
        if (isName) continue
      }
    }
    take(SPACE)
    if (at < field.length && field[at] !== ',') return { problem: `a comma is expected at ${near()}`, challenges }
  }
  return { challenges }
}

/** The first value of a parameter. */
export function parameterOf(challenge: Challenge | undefined, name: string): string | undefined {
  return challenge?.parameters.find(([each]) => each === name)?.[1]
}
