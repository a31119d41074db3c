import { readFileSync } from 'node:fs'

/** Files that a page shows, by when they are there. */
export interface Shown {
  readonly before: ReadonlyMap<string, string>
  readonly after: ReadonlyMap<string, string>
}

/**
 * Code of a page in `docs/moving`. A comment in front of a block says which file it is: `<!-- before: server.ts -->`,
 * `<!-- after: server.ts -->`, or `<!-- file: tools.ts -->`, which both have.
 *
 * @param part - Folder in the names of files, where a page has several moves: only its files, without it.
 */
export function readMove(page: string, part = ''): Shown {
  const text = readFileSync(new URL(`../../docs/moving/${page}`, import.meta.url), 'utf8')
  const before = new Map<string, string>()
  const after = new Map<string, string>()
  for (const [, when, name = '', code = ''] of text.matchAll(
    /^<!-- (before|after|file): (\S+) -->\n```\w+\n([\s\S]*?)^```/gm,
  )) {
    if (!name.startsWith(part)) continue
    if (when !== 'after') before.set(name.slice(part.length), code)
    if (when !== 'before') after.set(name.slice(part.length), code)
  }
  return { before, after }
}
