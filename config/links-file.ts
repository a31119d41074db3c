import { ConfigError } from '../src/config-error.ts'
import { createIdentityResolver, type IdentityLink, type IdentityResolver } from '../src/identity-links.ts'
import { parseCsv } from './csv.ts'
import { followFile, readTextFile } from './files.ts'

/** Header of a file of links. */
export const LINK_COLUMNS = ['old_issuer', 'old_subject', 'new_issuer', 'new_subject'] as const

type LinkRow = Readonly<Record<(typeof LINK_COLUMNS)[number], string>>

const SEE = 'docs/migration.md'

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
  observer: { links?(outcome: { links: number } | { error: Error }): void },
  lookMilliseconds?: number,
): LinkFile {
  const read = () => {
    const links = readLinks(path)
    return { resolve: createResolver(links), links: links.length }
  }
  const told = {
    read: ({ links }: ReturnType<typeof read>) => observer.links?.({ links }),
    failed: (error: Error) => observer.links?.({ error }),
  }
  const file = followFile(path, read, told, lookMilliseconds)
  return { resolve: identity => file.content.resolve(identity), close: file.close }
}

/** @throws {ConfigError} */
export function readLinks(path: string): IdentityLink[] {
  let text: string
  try {
    text = readTextFile(path)
  } catch (error) {
    throw problem(`names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  let rows: Partial<LinkRow>[]
  try {
    rows = parseCsv(text)
  } catch (error) {
    throw problem(`names a file that is not CSV: ${(error as Error).message}`)
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
