import { union } from './resource-rules.ts'

/** Longer ones are not looked at: strangers choose them. */
const LONGEST_NAME = 200

/**
 * What a name needs that no rule has, because it looks like one that a rule has: servers that trim names, or ignore upper and lower case,
 * take one for the other. Names are similar that differ only in case, in spaces of any kind, in characters that nobody sees, or in compatible
 * forms of the same letters (NFKC).
 *
 * @param rules - What each declared name needs.
 * @returns What all similar names need together; nothing for a name that looks like none. One that is too long needs what any needs.
 */
export function createSimilarNames(rules: ReadonlyMap<string, readonly string[]>): (name: string) => readonly string[] {
  const byForm = new Map<string, readonly string[]>()
  for (const [name, scopes] of rules) {
    const form = formOf(name)
    byForm.set(form, union(byForm.get(form) ?? NONE, scopes))
  }
  const ofAny = union(...rules.values())
  return name => (name.length > LONGEST_NAME ? ofAny : (byForm.get(formOf(name)) ?? NONE))
}

const NONE: readonly string[] = []

/** The same for names that are similar. */
export function formOf(name: string): string {
  // As most are spelled: nothing would change.
  if (/^[!-@[-~]*$/.test(name)) return name
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]+/gu, '')
}
