import { z } from 'zod'
import { strictObject } from '../src/adapter-options.ts'
import { ConfigError, type ConfigProblem } from '../src/config-error.ts'
import type { ApiKey } from '../src/validators/api-keys.ts'
import { followFile, readJsonFile } from './files.ts'
import { checkApiKeyScopes, type DeclaredScopes } from './scope-rules.ts'

/** One entry of the file of `AUTH_API_KEYS_FILE`. A function, like the schemas of other files: most servers have none of them. */
const apiKey = () =>
  strictObject({
    id: z.string().regex(/^[\w.@-]{1,100}$/, { error: 'must be 1 to 100 letters, digits, or any of _ . @ -' }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: 'must be the SHA-256 of the key, 64 hexadecimal digits in lower case' }),
    owner: z.string().min(1).max(200),
    scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { error: 'must be a scope (RFC 6749 §3.3)' })),
    expires: z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' }).optional(),
  })

const apiKeysFile = () => strictObject({ $schema: z.string().optional(), keys: z.array(apiKey()).max(10_000) })

export type ApiKeyEntry = z.output<ReturnType<typeof apiKey>>

/** The API keys of a file, kept up to date while the process runs. */
export interface ApiKeysFile {
  /** @param sha256 - Of the key, 64 hexadecimal digits. */
  find(sha256: string): ApiKey | undefined
  close(): void
}

const SEE = 'docs/api-keys.md'

/**
 * Reads the file, and again whenever it changes. A file that cannot be used then is reported, and the keys from before stay. A scope
 * that no server declares is reported, too; it gives nothing, and the other changes count: a key may have been taken out.
 *
 * @param scopes - Of each server of the process.
 * @param lookMilliseconds - How often it is looked at. Default 2,000.
 * @throws {ConfigError} The file cannot be used at the start.
 */
export function openApiKeysFile(
  path: string,
  observer: { warning?(message: string, facts: Readonly<Record<string, unknown>>): void },
  scopes: DeclaredScopes,
  lookMilliseconds?: number,
): ApiKeysFile {
  const read = () => {
    const entries = usable(path)
    return { entries, bySha256: tableOf(entries) }
  }
  const told = {
    read({ entries }: ReturnType<typeof read>) {
      const problems: ConfigProblem[] = []
      checkApiKeyScopes(entries, scopes, problems)
      for (const { setting, problem } of problems) observer.warning?.(`${setting} ${problem}.`, {})
    },
    failed: ({ message }: Error) =>
      observer.warning?.('The file of API keys cannot be used; those from before still count.', { problem: message }),
  }
  const file = followFile(path, read, told, lookMilliseconds)
  return { find: sha256 => file.content.bySha256.get(sha256), close: file.close }
}

/**
 * The entries of the file.
 *
 * @param problems - Every problem is added to it.
 */
export function readApiKeys(path: string, problems: ConfigProblem[]): ApiKeyEntry[] {
  const file = readJsonFile(path)
  if ('value' in file) return checkApiKeys(file.value, path, problems)
  problems.push({ setting: 'AUTH_API_KEYS_FILE', problem: `names a file that ${file.problem}`, see: SEE })
  return []
}

/**
 * The entries of what such a file holds.
 *
 * @param problems - Every problem is added to it, under the name of the file.
 */
export function checkApiKeys(value: unknown, path: string, problems: ConfigProblem[]): ApiKeyEntry[] {
  const report = (place: string, problem: string) =>
    void problems.push({ setting: `${path}: ${place}`, problem, see: SEE })
  const parsed = apiKeysFile().safeParse(value)
  for (const { path: place, message } of parsed.error?.issues ?? []) report(place.join('.') || 'file', message)
  const entries = parsed.data?.keys ?? []
  for (const member of ['id', 'sha256'] as const) {
    const values = entries.map(entry => entry[member])
    const twice = values.find((value, index) => values.indexOf(value) !== index)
    if (twice !== undefined) report('keys', `hold the ${member} ${twice} twice`)
  }
  return entries
}

function usable(path: string): ApiKeyEntry[] {
  const problems: ConfigProblem[] = []
  const entries = readApiKeys(path, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return entries
}

function tableOf(entries: readonly ApiKeyEntry[]): ReadonlyMap<string, ApiKey> {
  return new Map(
    entries.map(({ expires, scopes, ...entry }) => [
      entry.sha256,
      {
        ...entry,
        scopes: Object.freeze([...new Set(scopes)]),
        expiresAt: expires === undefined ? undefined : Math.floor(Date.parse(expires) / 1000),
      },
    ]),
  )
}
