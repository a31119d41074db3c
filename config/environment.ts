import type { ConfigProblem } from '../src/config-error.ts'
import { readTextFile } from './files.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * A secret from the variable `name`, or from the file that `NAME_FILE` names, as container platforms mount them.
 *
 * @returns `undefined` when there is none, or a problem with it.
 */
export function readSecret(name: string, env: Environment, problems: ConfigProblem[]): string | undefined {
  const found = foundSecret(name, env, problems)
  // A key in PEM has lines; RFC 6749 Appendix A.2 lets a client secret have none.
  if (found === undefined || !name.endsWith('CLIENT_SECRET') || !/\p{Cc}/u.test(found)) return found
  problems.push({
    setting: name,
    problem:
      'holds a line break or another control character, which no client secret has: copy it anew. In double quotes of a .env file, \\n is a line break; in single quotes it is not',
    see: 'docs/settings.md',
  })
  return found
}

function foundSecret(name: string, env: Environment, problems: ConfigProblem[]): string | undefined {
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
