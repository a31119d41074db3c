import { clip, readJsonFile } from 'idplug/internal'
import { repeatedKey } from './repeated-key.ts'

/**
 * A JSON file with rules: a member that stands twice is a mistake in it.
 *
 * @returns Or what is wrong with it, as the end of a sentence.
 */
export function readRules(path: string): { value: unknown } | { problem: string } {
  return readJsonFile(path, text => {
    const repeated = repeatedKey(text)
    return repeated && `has ${clip(repeated.key)} twice in one object (line ${repeated.line}): remove one`
  })
}
