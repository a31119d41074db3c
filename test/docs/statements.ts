import { parseSync } from 'rolldown/utils'

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** What stands between statements, or only groups them; imports and types run nothing. */
const NOT_COUNTED = /^(Import|Block|ExportNamed|TSInterface|TSTypeAlias)/
const COUNTED = /(Statement|Declaration|PropertyDefinition|MethodDefinition)$/

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string'
const isCounted = ({ type }: Node) => COUNTED.test(type) && !NOT_COUNTED.test(type)

/**
 * Every statement and class member of a TypeScript source at any depth, each without those inside it, their number included.
 *
 * @throws {Error} The source has a syntax error.
 */
export function statementsOf(source: string): string[] {
  const { program, errors } = parseSync('source.ts', source)
  if (errors.length > 0) throw new Error(`cannot be parsed: ${errors[0]?.message}`)
  const found: string[] = []

  /** @returns Statements inside a node that are not inside another one of those. */
  function visit(value: unknown): Node[] {
    if (Array.isArray(value)) return value.flatMap(visit)
    if (!value || typeof value !== 'object') return []
    const inside = Object.values(value).flatMap(visit)
    if (!isNode(value) || !isCounted(value)) return inside
    let text = ''
    let at = value.start
    for (const { start, end } of inside.toSorted((a, b) => a.start - b.start)) {
      text += `${source.slice(at, start)} `
      at = end
    }
    found.push((text + source.slice(at, value.end)).replaceAll(/\s+/g, ' '))
    return [value]
  }
  visit(program)
  return found
}

/** Statements that a source has beyond those of another one; one that differs is one more. */
export function statementsAdded(before: string, after: string): string[] {
  const known = statementsOf(before)
  return statementsOf(after).filter(statement => {
    const index = known.indexOf(statement)
    if (index >= 0) known.splice(index, 1)
    return index < 0
  })
}
