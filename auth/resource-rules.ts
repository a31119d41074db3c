import { templateMatcher } from './uri-template.ts'

/** What resources need, by their URIs. */
export interface ResourceRules {
  /** Of the rules that name a URI; `undefined` where none does. */
  declared(uri: string): readonly string[] | undefined
  /** What a URI needs, whether a rule names it or not. */
  scopesOf(uri: string): readonly string[]
  /** What URIs need that are not looked at: everything that one of them could need. */
  readonly ofAll: readonly string[]
}

/**
 * Rules by URI and by URI template. The URI's own rule counts, else those of all templates that it matches. One that matches a
 * template only by a generous reading needs what that template needs *and* what unlisted resources need, and one that another rule
 * names once its percent-encoding is undone needs what that rule needs as well, so that no way of spelling a URI leads past a rule.
 *
 * @param otherwise - What a URI needs that no rule names.
 */
export function createResourceRules(
  rules: Readonly<Record<string, readonly string[]>>,
  otherwise: readonly string[],
): ResourceRules {
  const exact = new Map<string, readonly string[]>()
  const templates: { matches: ReturnType<typeof templateMatcher>; scopes: readonly string[] }[] = []
  for (const [uri, scopes] of Object.entries(rules)) {
    exact.set(uri, scopes)
    if (uri.includes('{')) templates.push({ matches: templateMatcher(uri), scopes })
    else exact.set(normalized(uri), scopes)
  }

  /** Scopes by how well their rule fits; those of a URI's own rule alone where there is one. */
  function find(uri: string): { readonly yes: (readonly string[])[]; readonly nearly: (readonly string[])[] } {
    const usual = normalized(uri)
    const own = exact.get(uri) ?? exact.get(usual)
    if (own !== undefined) return { yes: [own], nearly: [] }
    const found = { yes: [] as (readonly string[])[], nearly: [] as (readonly string[])[] }
    for (const { matches, scopes } of templates) {
      const first = matches(uri)
      const fit = first === 'yes' || usual === uri ? first : best(first, matches(usual))
      if (fit !== 'no') found[fit].push(scopes)
    }
    return found
  }

  function declared(uri: string): readonly string[] | undefined {
    const { yes } = find(uri)
    return yes.length === 0 ? undefined : union(...yes)
  }

  function scopesOf(uri: string): readonly string[] {
    const { yes, nearly } = find(uri)
    const scopes = yes.length > 0 ? union(...yes) : union(otherwise, ...nearly)
    const decoded = withoutEncoding(uri)
    if (decoded === uri) return scopes
    const asDecoded = find(decoded)
    return union(scopes, ...asDecoded.yes, ...asDecoded.nearly)
  }

  return { declared, scopesOf, ofAll: union(otherwise, ...Object.values(rules)) }
}

type Fit = ReturnType<ReturnType<typeof templateMatcher>>

const best = (one: Fit, other: Fit): Fit =>
  one === 'yes' || other === 'yes' ? 'yes' : one === 'nearly' || other === 'nearly' ? 'nearly' : 'no'

/** As the MCP SDKs spell a URI before they look it up. */
function normalized(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri
}

/** As handlers read a URI that make a path of it: `%73` is an `s`, and `%2F` a slash. */
function withoutEncoding(uri: string): string {
  return uri.includes('%') ? normalized(uri.replace(/%[2-7][0-9a-f]/gi, decodeURIComponent)) : uri
}

/** Every scope of these lists, once. */
export function union(...lists: readonly (readonly string[])[]): readonly string[] {
  const [first, ...others] = lists.filter(list => list.length > 0)
  if (!first) return NONE
  return others.length === 0 ? first : [...new Set([first, ...others].flat())]
}

const NONE: readonly string[] = Object.freeze([])
