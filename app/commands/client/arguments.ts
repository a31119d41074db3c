import type { Tool } from '../../client/session.ts'

/** The command cannot run with these arguments. The message says what is wrong, and what to write instead. */
export class ArgumentError extends Error {
  override name = 'ArgumentError'
}

/**
 * Reads `key=value`, where the tool's schema says what the value is, and `key:=JSON`, which says it itself.
 *
 * @throws {ArgumentError}
 */
export function readArguments(words: readonly string[], schema: Tool['inputSchema']): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (const word of words) {
    const [, name, isJson, value] = /^([^=:]+)(:?)=(.*)$/s.exec(word) ?? []
    if (name === undefined || value === undefined) {
      throw new ArgumentError(`${word} is not an argument; write text=hello, text="two words" or count:=3`)
    }
    if (Object.hasOwn(read, name)) throw new ArgumentError(`${name} is given twice`)
    read[name] = isJson ? jsonOf(name, value) : bySchema(name, value, schema.properties?.[name])
  }
  return read
}

/** @throws {ArgumentError} It is not a JSON object. */
export function readObject(json: string): Record<string, unknown> {
  const value = jsonOf('--args', json)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new ArgumentError('--args takes a JSON object')
}

function bySchema(name: string, value: string, schema: unknown): unknown {
  const { type } = (schema ?? {}) as { type?: unknown }
  switch (type) {
    case 'integer':
    case 'number': {
      const number = Number(value)
      const isWrong = value.trim() === '' || Number.isNaN(number) || (type === 'integer' && !Number.isInteger(number))
      if (isWrong) throw new ArgumentError(`${name} takes ${type === 'integer' ? 'a whole number' : 'a number'}`)
      return number
    }
    case 'boolean':
      if (value !== 'true' && value !== 'false') throw new ArgumentError(`${name} takes true or false`)
      return value === 'true'
    case 'array':
    case 'object':
    case 'null':
      return jsonOf(name, value)
    default:
      return value
  }
}

function jsonOf(name: string, value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    throw new ArgumentError(`${name} takes JSON`)
  }
}
