/** What a release is made of. */
export interface ReleaseState {
  readonly version: string
  /** Files that are changed and not committed, as `git status --porcelain` lists them. */
  readonly changes: string
  /** Tags of the commit. */
  readonly tags: readonly string[]
  readonly changelog: string
}

/** Why it must not be published; empty when it may. */
export function releaseProblems({ version, changes, tags, changelog }: ReleaseState): string[] {
  const found: string[] = []
  if (changes !== '') found.push('there are changes that are not committed')
  if (!tags.includes(`v${version}`)) found.push(`the commit has no tag v${version}`)
  if (!new RegExp(`^## ${version.replaceAll('.', '\\.')}, \\d{4}-\\d\\d-\\d\\d$`, 'm').test(changelog)) {
    found.push(`CHANGELOG.md has no heading like "## ${version}, 2027-01-31"`)
  }
  return found
}
