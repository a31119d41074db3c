import { didYouMean } from '../src/closest.ts'
import type { ConfigProblem } from '../src/config-error.ts'

/** The part of JSON Schema that our own data files need. */
export interface Schema {
  readonly $schema?: string
  readonly title?: string
  readonly description?: string
  readonly type: 'object' | 'array' | 'string'
  readonly properties?: Readonly<Record<string, Schema>>
  /** Of all members that `properties` does not name; `false`: there may be none. */
  readonly additionalProperties?: Schema | false
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minLength?: number
  readonly enum?: readonly string[]
}

/**
 * Checks data against a schema, without a schema library: what a server imports first should stay small.
 *
 * @param place - Path of the value, for messages; empty for the whole.
 */
export function schemaProblems(value: unknown, schema: Schema, place = ''): ConfigProblem[] {
  const problem = (text: string, at = place): ConfigProblem[] => [{ setting: at || 'declaration', problem: text }]
  const at = (name: string | number) => (place ? `${place}.${name}` : String(name))

  if (schema.type === 'string') {
    if (typeof value !== 'string') return problem('must be a text')
    if (value.length < (schema.minLength ?? 0)) return problem('must not be empty')
    if (schema.enum && !schema.enum.includes(value)) return problem(`must be ${schema.enum.join(' or ')}`)
    return []
  }
  if (schema.type === 'array') {
    const { items } = schema
    if (!Array.isArray(value)) return problem('must be a list')
    return items ? value.flatMap((item, index) => schemaProblems(item, items, at(index))) : []
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return problem('must be an object')
  const { properties = {}, additionalProperties, required = [] } = schema
  const problems = required
    .filter(name => (value as Record<string, unknown>)[name] === undefined)
    .flatMap(name => problem(`is missing: ${properties[name]?.description ?? name}`, at(name)))
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties
    if (member === undefined) continue
    if (known) problems.push(...schemaProblems(member, known, at(name)))
    else if (known === false) {
      problems.push(...problem(`is not known${didYouMean(name, Object.keys(properties))}`, at(name)))
    }
  }
  return problems
}
