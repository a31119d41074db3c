import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseEnv } from 'node:util'
import { readEnvText } from '../../environment.ts'
import { writeWhole } from '../../replace-file.ts'

/** A value that cannot be written into an environment file. */
export class UnwritableValueError extends Error {}

/** Settings of an environment file; none where there is no file. */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  return parseEnv(readEnvText(path) ?? '')
}

/** Names whose values in the file are others. */
export function conflictsWith(path: string, settings: Readonly<Record<string, string>>): string[] {
  const present = readEnvFile(path)
  return Object.keys(settings).filter(name => present[name] !== undefined && present[name] !== settings[name])
}

/**
 * The text of an environment file with these settings: lines that set one of them are replaced, all others stay as they are, new
 * settings come at the end.
 *
 * @throws {UnwritableValueError} A value holds a line break, or all kinds of quotes.
 */
export function mergedEnvText(before: string, settings: Readonly<Record<string, string>>): string {
  const left = new Map(Object.entries(settings))
  const lines = before.split('\n').map(line => {
    const name = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1]
    const value = name === undefined ? undefined : settings[name]
    if (name === undefined || value === undefined) return line
    left.delete(name)
    return assignment(name, value)
  })
  while (lines.at(-1) === '') lines.pop()
  return `${[...lines, ...[...left].map(([name, value]) => assignment(name, value))].join('\n')}\n`
}

/** Writes a file that only its owner may read, at once or not at all. */
export async function writePrivately(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeWhole(path, text, 0o600)
}

function assignment(name: string, value: string): string {
  if (/^[\w./:@%+,-]*$/.test(value)) return `${name}=${value}`
  const quote = ["'", '"', '`'].find(mark => !value.includes(mark))
  if (quote === undefined || /[\r\n]/.test(value))
    throw new UnwritableValueError(`${name} cannot be written to the file`)
  return `${name}=${quote}${value}${quote}`
}
