/**
 * Reads a URI template (RFC 6570).
 *
 * @returns Tells of a URI whether the template can expand to it. `nearly`: only if its variables stood for characters that an
 *   expansion would have encoded, which a lenient server may take all the same.
 */
export function templateMatcher(template: string): (uri: string) => 'yes' | 'nearly' | 'no' {
  const steps: Step[] = []
  const literals: string[] = []
  let end = 0
  for (const { 0: expression, 1: operator = '', index } of template.matchAll(/\{([+#./;?&]?)[^{}]*\}/g)) {
    const literal = template.slice(end, index)
    literals.push(literal.toLowerCase())
    steps.push(...charactersOf(literal), ...expansionOf(operator))
    end = index + expression.length
  }
  const last = template.slice(end)
  literals.push(last.toLowerCase())
  steps.push(...charactersOf(last))
  return uri => {
    // Longer ones are not taken apart.
    if (uri.length > LONGEST_URI) return 'nearly'
    return canWalk(steps, uri) ? 'yes' : holdsInOrder(uri.toLowerCase(), literals) ? 'nearly' : 'no'
  }
}

const LONGEST_URI = 4_096

/** A character that has to be there; any number of characters out of a set; or the choice to pass over the next steps. */
type Step = { one: (character: string) => boolean } | { many: (character: string) => boolean } | { skip: number }

const charactersOf = (text: string): Step[] =>
  [...text].map(wanted => ({ one: character => character.toLowerCase() === wanted.toLowerCase() }))

const noneOf = (excluded: string) => (character: string) => !excluded.includes(character)

/** What an expression can become, by its operator (RFC 6570 §3.2). */
function expansionOf(operator: string): Step[] {
  const some = (set: (character: string) => boolean): Step[] => [{ one: set }, { many: set }]
  const optional = (first: string, rest: (character: string) => boolean): Step[] => [
    { skip: 2 },
    ...charactersOf(first),
    { many: rest },
  ]
  switch (operator) {
    case '+':
      return some(() => true)
    case '#':
      return optional('#', () => true)
    case '/':
      return optional('/', noneOf('?#'))
    case '.':
    case ';':
      return optional(operator, noneOf('/?#'))
    case '?':
    case '&':
      return optional(operator, noneOf('#'))
    default:
      return some(noneOf('/?#'))
  }
}

/** Whether some way through all steps spells the text. Goes all ways at once, so its time grows with the text and no faster. */
function canWalk(steps: readonly Step[], text: string): boolean {
  let reached = arriveAt(steps, new Set(), 0)
  for (const character of text) {
    const next = new Set<number>()
    for (const index of reached) {
      const step = steps[index]
      if (step === undefined) continue
      if ('one' in step && step.one(character)) arriveAt(steps, next, index + 1)
      if ('many' in step && step.many(character)) arriveAt(steps, next, index)
    }
    reached = next
    if (reached.size === 0) return false
  }
  return reached.has(steps.length)
}

/** Adds a step, and those that can follow without a character. */
function arriveAt(steps: readonly Step[], reached: Set<number>, index: number): Set<number> {
  reached.add(index)
  const step = steps[index]
  if (step && 'many' in step) arriveAt(steps, reached, index + 1)
  if (step && 'skip' in step) {
    arriveAt(steps, reached, index + 1)
    arriveAt(steps, reached, index + 1 + step.skip)
  }
  return reached
}

/** Whether a text begins with the first literal, ends with the last one, and holds the others in between, in this order. */
function holdsInOrder(text: string, literals: readonly string[]): boolean {
  const [first = '', ...others] = literals
  const last = others.pop() ?? ''
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false
  let at = first.length
  for (const literal of others) {
    const found = text.indexOf(literal, at)
    if (found === -1 || found + literal.length > text.length - last.length) return false
    at = found + literal.length
  }
  return true
}
