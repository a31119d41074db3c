import { basename } from 'node:path'
import { ConfigError, type ConfigProblem, type Declarations, type ResourceDeclaration } from 'idplug'
import { declarationProblems, type Environment, readJsonFile } from 'idplug/internal'
import { notes } from './notes/declaration.ts'

const SEE = 'docs/own-server.md'

/**
 * The servers that a command is about: those of the files that `AUTH_RESOURCE` names, else the notes server.
 *
 * @throws {ConfigError} Lists every problem of every file at once.
 */
export function loadDeclarations(env: Environment): Declarations {
  const paths = (env.AUTH_RESOURCE ?? '').split(/[\s,]+/).filter(Boolean)
  if (paths.length === 0) return { notes }
  const problems: ConfigProblem[] = []
  const entries = paths.map((path): [string, ResourceDeclaration] => {
    const file = readJsonFile(path)
    if ('problem' in file) problems.push({ setting: 'AUTH_RESOURCE', problem: `${path} ${file.problem}`, see: SEE })
    const declaration = ('value' in file ? file.value : {}) as ResourceDeclaration
    const found = 'value' in file ? declarationProblems(declaration) : []
    problems.push(...found.map(({ setting, problem }) => ({ setting: `${path}: ${setting}`, problem, see: SEE })))
    return [basename(path, '.json'), declaration]
  })
  for (const [index, [name]] of entries.entries()) {
    if (entries.findIndex(([other]) => other === name) === index) continue
    problems.push({ setting: 'AUTH_RESOURCE', problem: `names two files called ${name}.json: rename one`, see: SEE })
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.fromEntries(entries)
}

/**
 * The same for a command beside a server: `undefined` where the server is another than the notes server and no file declares it,
 * because settings give people scopes that the notes server does not have. Nothing can be said about its scopes then.
 */
export function knownDeclarations(env: Environment): Declarations | undefined {
  if (env.AUTH_RESOURCE?.trim()) return loadDeclarations(env)
  const given = Object.entries(env).flatMap(([name, value = '']) =>
    /^[A-Z][A-Z0-9]*_GRANT_SCOPES$/.test(name) ? value.split(/[\s,]+/).filter(Boolean) : [],
  )
  const isNotes = given.length === 0 || given.some(scope => /^notes\b/.test(scope))
  return isNotes ? { notes } : undefined
}

/** Every scope of these servers. */
export function scopesOf(declarations: Declarations): string[] {
  return [...new Set(Object.values(declarations).flatMap(({ scopes }) => Object.keys(scopes)))]
}
