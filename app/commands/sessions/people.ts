import type { Administration, GrantSummary } from '../../../demo-as/administration.ts'

/** The name stands for several people. */
class SeveralPeopleError extends Error {}

/**
 * Sessions of a person.
 *
 * @param person - Subject, as tokens have it; or the login name, which is looked for among all.
 * @throws {SeveralPeopleError} It is the login name of several people.
 */
export async function sessionsOf({ grants }: Administration, person: string): Promise<readonly GrantSummary[]> {
  const found: GrantSummary[] = []
  for await (const grant of grants({ subject: person })) found.push(grant)
  if (found.length > 0) return found
  const wanted = person.toLowerCase()
  for await (const grant of grants()) if (grant.username?.toLowerCase() === wanted) found.push(grant)
  const subjects = [...new Set(found.map(({ subject }) => subject))]
  if (subjects.length > 1) {
    throw new SeveralPeopleError(
      `${person} is the name of ${subjects.length} people: ${subjects.join(', ')}. Name one of these.`,
    )
  }
  return found
}
