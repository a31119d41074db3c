import { anyOf, EMAIL, type GithubSignIn, type People, type Principals } from '../../src/people/people.ts'

/** What `grants` go by: what GitHub says about a token. */
export const grantees: Principals = {
  pattern: /^\d+$/,
  hint: 'the numeric id of a user, which https://api.github.com/users/LOGIN says; login names are reassigned',
}

/** A person is the number of the account: login names can be changed and taken by others. */
export const people: People<GithubSignIn> = {
  principals: {
    pattern: anyOf('(user|org|group):\\d+', EMAIL),
    hint: 'user:NUMBER, org:NUMBER, group:NUMBER (a team), ada@example.com or @example.com; numbers, because names on GitHub can be taken by others',
  },
  signIn: {
    protocol: 'github-api',
    personOf({ user: { id, login, name }, emails, organizations, teams }, site) {
      if (!Number.isSafeInteger(id) || Number(id) <= 0) return undefined
      return {
        subject: `github:${site === 'https://github.com' ? '' : `${new URL(site).host}:`}${id}`,
        id: String(id),
        username: String(login),
        name: typeof name === 'string' ? name : undefined,
        verifiedEmails: emails.filter(entry => entry.verified === true).map(entry => String(entry.email)),
        unverifiedEmail: emails.some(entry => entry.verified !== true),
        organizations: organizations.map(entry => String(entry.id)),
        groups: teams.map(entry => String(entry.id)),
      }
    },
  },
}
