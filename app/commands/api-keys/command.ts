import { hash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { ConfigError, type ConfigProblem } from 'idplug'
import {
  API_KEY_PREFIX,
  type ApiKeyEntry,
  checkApiKeys,
  closest,
  didYouMean,
  type Environment,
  readApiKeys,
} from 'idplug/internal'
import { loadDeclarations, scopesOf } from '../../declarations.ts'
import { readEnvironment } from '../../environment.ts'
import { notes } from '../../notes/declaration.ts'
import { writeWhole } from '../../replace-file.ts'
import { EXIT } from '../exit.ts'
import { words } from '../option-values.ts'

const EXAMPLES = `
Examples:
  idplug api-keys new --owner nightly-report --scopes notes:read
  idplug api-keys new --owner ci --scopes notes:read,notes:write --days 90

The key is printed once, on standard output. The file gets its hash, and is
the one that AUTH_API_KEYS_FILE names unless --file does. Running servers
notice within seconds. To take a key back, remove its entry from the file.

Exit codes: 0 done, 2 wrong arguments, or a file that cannot be used.`

interface Options {
  readonly owner: string
  readonly scopes: string
  readonly id?: string
  readonly days?: string
  readonly file?: string
}

export function registerApiKeys(program: Command): void {
  const apiKeys = program.command('api-keys').description('keys for callers that cannot sign in')
  apiKeys
    .command('new')
    .description('make a key, and add its hash to the file')
    .requiredOption('--owner <name>', 'whose it is: the subject that tools see')
    .requiredOption('--scopes <list>', 'what it may do, separated by commas')
    .option('--id <id>', 'name of the key in logs (default: the owner and a number)')
    .option('--days <number>', 'how long it is good for (default: until it is taken back)')
    .option('--file <path>', 'the file (default: AUTH_API_KEYS_FILE)')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options, command: Command) => {
      const fail = (problem: string) => command.error(`error: ${problem}`, { exitCode: EXIT.usage })
      const { env } = readEnvironment('command')
      const path = options.file ?? env.AUTH_API_KEYS_FILE?.trim()
      if (!path) return fail('name the file, with --file or AUTH_API_KEYS_FILE')
      if (options.days !== undefined && !/^[1-9]\d{0,4}$/.test(options.days))
        return fail('--days takes a number of days')
      const problems: ConfigProblem[] = []
      const entries = existsSync(path) ? readApiKeys(path, problems) : []
      if (problems.length > 0) return fail(sentences(problems))
      const key = API_KEY_PREFIX + randomBytes(32).toString('base64url')
      const entry = entryFor(key, options, entries)
      const keys = checkApiKeys({ keys: [...entries, entry] }, path, problems)
      if (problems.length > 0) return fail(sentences(problems))
      const unknown = undeclared(entry.scopes, env, entries)
      if (unknown.problem) return fail(unknown.problem)
      if (unknown.warning) console.error(`Warning: ${unknown.warning}`)
      // A running server may look at it at any time.
      await writeWhole(path, `${JSON.stringify({ keys }, undefined, 2)}\n`, 0o600)
      console.error(`Added ${entry.id} to ${path}. The key is shown this once:`)
      console.log(key)
    })
}

/**
 * Scopes that nobody declares: a server does not start with such a key. Where no file says what there is, the scopes of the example
 * server and of the other keys are at hand: one that is nearly the same as one of those is most likely a slip.
 */
function undeclared(
  scopes: readonly string[],
  env: Environment,
  others: readonly ApiKeyEntry[],
): { problem?: string; warning?: string } {
  if (!env.AUTH_RESOURCE?.trim()) {
    const known = [...scopesOf({ notes }), ...others.flatMap(entry => entry.scopes)]
    const near = scopes.filter(scope => !known.includes(scope) && closest(scope, known) !== undefined)
    return near.length === 0 ? {} : { warning: `--scopes names ${near.map(named(known)).join(', ')}` }
  }
  let known: string[]
  try {
    known = scopesOf(loadDeclarations(env))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { warning: `the scopes are not compared with the declared ones. ${error.message}` }
  }
  const unknown = scopes.filter(scope => !known.includes(scope))
  if (unknown.length === 0) return {}
  const there = known.length > 0 ? `there are ${known.join(', ')}` : 'there are none'
  return {
    problem: `--scopes names ${unknown.map(named(known)).join(', ')}, which AUTH_RESOURCE does not declare; ${there}`,
  }
}

const named = (known: readonly string[]) => (scope: string) => `${scope}${didYouMean(scope, known)}`

const sentences = (problems: readonly ConfigProblem[]) =>
  problems.map(({ setting, problem }) => `${setting} ${problem}`).join('\n')

function entryFor(key: string, { owner, scopes, id, days }: Options, entries: readonly ApiKeyEntry[]): ApiKeyEntry {
  const expires = days === undefined ? undefined : new Date(Date.now() + Number(days) * 86_400_000).toISOString()
  return {
    id: id ?? freeId(owner, entries),
    sha256: hash('sha256', key, 'hex'),
    owner,
    scopes: words(scopes),
    ...(expires && { expires }),
  }
}

function freeId(owner: string, entries: readonly ApiKeyEntry[]): string {
  const name = owner.replace(/[^\w.@-]/g, '-').slice(0, 90)
  const taken = new Set(entries.map(({ id }) => id))
  for (let number = 1; ; number++) {
    const id = number === 1 ? name : `${name}-${number}`
    if (!taken.has(id)) return id
  }
}
