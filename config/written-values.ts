import type { ConfigProblem } from '../src/config-error.ts'
import type { Environment } from './environment.ts'
import type { KnownNames } from './known-names.ts'

const SEE = 'docs/settings.md'

/**
 * Finds values that cannot be meant: those with quotation marks around them, which shells and our own reader of `.env` take off and
 * `docker --env-file`, systemd and the prompt of Windows do not, placeholders out of a guide, and characters that cannot be seen. Of
 * secrets, only the last.
 */
export function checkValues(env: Environment, { read, secrets }: KnownNames): ConfigProblem[] {
  return [...read].flatMap(setting => {
    const value = env[setting]?.trim() ?? ''
    const problem = problemOf(value, secrets.has(setting))
    return problem === undefined ? [] : [{ setting, problem, see: SEE }]
  })
}

/** @param isSecret - One may look as it likes, as long as it can be seen. */
function problemOf(value: string, isSecret: boolean): string | undefined {
  // What comes along when a value is copied from a page. Two of these characters belong to words of some languages.
  if (/(?![\u200c\u200d])\p{Cf}/u.test(value)) return 'holds an invisible character: type it anew'
  if (isSecret) return undefined
  if (/^(["'])[^"']*\1$|^[“”„‘’«]/.test(value)) {
    return 'is in quotation marks, and they are part of the value. Leave them out: what set the variable does not take them off'
  }
  // Only what guides write: there are companies and hosts whose names begin with "your".
  if (/<[\w .-]+>/.test(value) || /(^|\/\/)your[-_](tenant|domain|org|okta|client)\b/i.test(value)) {
    return 'is still a placeholder. Put your own value in its place'
  }
  return undefined
}
