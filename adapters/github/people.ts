import { anyOf, EMAIL, type GithubSignIn, type People, personWith } from '../../src/people/people.ts'

/** A person is the number of the account: login names can be changed and taken by others. */
export const people: People<GithubSignIn> = {
  principals: {
    pattern: anyOf('(user|org|group):\\d+', EMAIL),
    hint: 'user:NUMBER, org:NUMBER, group:NUMBER (a team), ada@example.com or @example.com; numbers, because names on GitHub can be taken by others',
  },
  signIn: {
    protocol: 'github-api',
    credentialMistakes(clientId, clientSecret) {
      if (/^\d{1,10}$/.test(clientId)) {
        return { clientId: 'is the App ID; the client id stands below it on the same page and begins with Iv' }
      }
      if (/^[\da-f]{40}$/.test(clientId)) return { clientId: 'is a client secret, not the id' }
      if (clientSecret?.startsWith('-----BEGIN')) {
        return { clientSecret: 'is a private key of the app; needed is a client secret, made on the same page' }
      }
      if (/^gh[a-z]_|^github_pat_/.test(clientSecret ?? '')) {
        return { clientSecret: 'is a token; needed is a client secret, made on the page of the app' }
      }
      return {}
    },
    personOf({ user: { id, login, name }, emails, organizations, teams }, site) {
      if (!Number.isSafeInteger(id) || Number(id) <= 0) return undefined
      return personWith({
        subject: `github:${site === 'https://github.com' ? '' : `${new URL(site).host}:`}${id}`,
        id: String(id),
        username: String(login),
        name: typeof name === 'string' ? name : undefined,
        verifiedEmails: emails.filter(entry => entry.verified === true).map(entry => String(entry.email)),
        unverifiedEmail: emails.some(entry => entry.verified !== true),
        organizations: organizations.map(entry => String(entry.id)),
        groups: teams.map(entry => String(entry.id)),
      })
    },
  },
}
