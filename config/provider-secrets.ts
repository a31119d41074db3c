import type { Adapter } from '../src/adapter.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { type Environment, readSecret } from './environment.ts'
import { describe } from './provider-sentences.ts'

/** Secrets are the options whose name ends in `Env`. */
export function secretOptions(options: object): [option: string, name: string][] {
  return Object.entries(options).filter(
    (entry): entry is [string, string] => entry[0].endsWith('Env') && typeof entry[1] === 'string',
  )
}

export function readSecrets(
  options: object,
  env: Environment,
  adapter: Adapter,
  problems: ConfigProblem[],
): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>()
  for (const [option, name] of secretOptions(options)) {
    const found: ConfigProblem[] = []
    const value = readSecret(name, env, found)
    problems.push(...found)
    if (value) secrets.set(name, value)
    else if (found.length === 0) {
      // The option names a variable; here the variable is meant.
      const description = describe(adapter, option)?.replace(/^Name of the variable with (.)/, (_, first) =>
        first.toUpperCase(),
      )
      problems.push({
        setting: name,
        problem: `is not set, nor is ${name}_FILE. ${adapter.title} needs it${description ? `: ${description}` : ''}`,
      })
    }
  }
  return secrets
}
