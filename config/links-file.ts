import { readFileSync, statSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { ConfigError } from '../src/errors.ts'
import { createIdentityResolver, type IdentityLink, type IdentityResolver } from '../src/identity-links.ts'

/** Header of a file of links. */
export const LINK_COLUMNS = ['old_issuer', 'old_subject', 'new_issuer', 'new_subject'] as const

type LinkRow = Readonly<Record<(typeof LINK_COLUMNS)[number], string>>

const SEE = 'docs/migration.md'
const LOOK_MILLISECONDS = 2_000

/** Links as the file says, kept up to date while the process runs. */
export interface LinkFile {
  readonly resolve: IdentityResolver
  close(): void
}

/**
 * Reads the file of `AUTH_LINKS`, and again whenever it changes. Links that cannot be used then are reported, and those from
 * before stay.
 *
 * @param lookMilliseconds - How often it is looked at. Default 2,000.
 * @throws {ConfigError} The file cannot be used at the start.
 */
export function openLinkFile(
  path: string,
  onReload: (outcome: { links: number } | { error: Error }) => void,
  lookMilliseconds = LOOK_MILLISECONDS,
): LinkFile {
  let seen = stateOf(path)
  let resolver = createResolver(readLinks(path))
  const look = () => {
    const state = stateOf(path)
    if (state === seen) return
    seen = state
    try {
      const links = readLinks(path)
      resolver = createResolver(links)
      onReload({ links: links.length })
    } catch (error) {
      onReload({ error: error as Error })
    }
  }
  // By looking at it, not by events: those of a file that is replaced or mounted come or do not, by platform.
  const timer = setInterval(look, lookMilliseconds).unref()
  return { resolve: identity => resolver(identity), close: () => clearInterval(timer) }
}

/** Changes whenever the file does; empty when it is not there. */
function stateOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : ''
}

/** @throws {ConfigError} */
export function readLinks(path: string): IdentityLink[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw problem(`names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  let rows: Partial<LinkRow>[]
  try {
    rows = parse(text, { columns: true, bom: true, skip_empty_lines: true })
  } catch (error) {
    throw problem(`names a file that is no CSV: ${(error as Error).message}`)
  }
  return rows.map((row, index) => {
    const missing = LINK_COLUMNS.filter(column => !row[column])
    if (missing.length > 0) throw problem(`has no ${missing.join(', ')} in link ${index + 1} of its file`)
    const { old_issuer, old_subject, new_issuer, new_subject } = row as LinkRow
    return {
      former: { issuer: old_issuer, subject: old_subject },
      current: { issuer: new_issuer, subject: new_subject },
    }
  })
}

function createResolver(links: readonly IdentityLink[]): IdentityResolver {
  try {
    return createIdentityResolver(links)
  } catch (error) {
    throw problem(`names a file whose links contradict each other: ${(error as Error).message}`)
  }
}

function problem(text: string): ConfigError {
  return new ConfigError([{ setting: 'AUTH_LINKS', problem: text, see: SEE }])
}
