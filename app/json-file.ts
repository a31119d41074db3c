import { clip, readJsonFile, readTextFile } from 'idplug/internal'
import { repeatedKey } from './repeated-key.ts'

/**
 * A JSON file with rules: a member that stands twice is a mistake in it.
 *
 * @returns Or what is wrong with it, as the end of a sentence.
 */
export function readRules(path: string): { value: unknown } | { problem: string } {
  const file = readJsonFile(path)
  const repeated = 'value' in file ? repeatedKey(readTextFile(path)) : undefined
  if (repeated === undefined) return file
  return { problem: `has ${clip(repeated.key)} twice in one object (line ${repeated.line}): remove one` }
}
