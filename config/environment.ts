import type { ConfigProblem } from '../src/config-error.ts'
import { readTextFile } from './files.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * A secret from the variable `name`, or from the file that `NAME_FILE` names, as container platforms mount them.
 *
 * @returns `undefined` when there is none, or a problem with it.
 */
export function readSecret(name: string, env: Environment, problems: ConfigProblem[]): string | undefined {
  const value = env[name]?.trim() || undefined
  const file = env[`${name}_FILE`]
  if (!file) return value
  let content: string
  try {
    content = readTextFile(file).trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    problems.push({
      setting: `${name}_FILE`,
      problem: `names a file that cannot be read (${code})`,
      see: 'docs/settings.md',
    })
    return undefined
  }
  if (value === undefined || value === content) return content
  problems.push({
    setting: name,
    problem: `is set twice, directly and by ${name}_FILE, to different values; remove one`,
    see: 'docs/settings.md',
  })
  return undefined
}
