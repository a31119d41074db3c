import { isAbsent } from '../absent.ts'
import { type Claims, claimInvalid } from '../engines/claim-judge.ts'

export type ClaimReader = (claims: Claims) => unknown

/**
 * Reads the claim at a path of own members: `realm_access.roles`. A name that holds dots itself is found as well, the longest
 * first: `https://example.com/roles`, `resource_access.my.app.roles`. The path is taken apart once, not for each token.
 */
export function claimReader(path: string): ClaimReader {
  const own = (claims: Claims) => (Object.hasOwn(claims, path) ? claims[path] : undefined)
  const splits: { name: string; rest: string; read?: ClaimReader }[] = []
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    splits.push({ name: path.slice(0, end), rest: path.slice(end + 1) })
  }
  if (splits.length === 0) return own
  return claims => {
    const found = own(claims)
    if (found !== undefined) return found
    for (const split of splits) {
      const value = Object.hasOwn(claims, split.name) ? claims[split.name] : undefined
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
      split.read ??= claimReader(split.rest)
      const nested = split.read(value as Claims)
      if (nested !== undefined) return nested
    }
    return undefined
  }
}

/** Reads the texts at several paths: words of strings separated by spaces, members of lists, keys of objects. */
export function textsReader(paths: readonly string[]): (claims: Claims) => readonly string[] {
  const readers = paths.map(claim => ({ claim, read: claimReader(claim) }))
  return claims => {
    const texts: string[] = []
    for (const { claim, read } of readers) {
      const value = read(claims)
      if (isAbsent(value)) continue
      const names = typeof value === 'string' ? value.split(' ') : namesIn(value)
      if (!names) throw claimInvalid(claim, 'neither a string, nor strings, nor an object')
      texts.push(...names.filter(Boolean))
    }
    return texts
  }
}

/**
 * Names as providers keep them in a claim: one text, a list of texts, or an object whose keys count (the roles of Zitadel),
 * unless their value says no: `false`, `null`, 0 or an empty text, `"false"`.
 *
 * @returns `undefined` for anything else.
 */
export function namesIn(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.every(item => typeof item === 'string') ? value : undefined
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).flatMap(([name, held]) => (held && held !== 'false' ? [name] : []))
}
