import {
  anyOf,
  GROUP,
  OPENID_SCOPES,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  personWith,
  textOf,
} from '../../src/people/people.ts'

const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'

/** What happens above some 200 groups, and what to do about it. */
const GROUPS_WITHHELD =
  'Entra ID left out the groups, because there are too many for a token: have it send only groups that are assigned to the application (App registrations > Token configuration > groups claim > Groups assigned to the application), use app roles (role:NAME), or have them looked up (AZURE_GRAPH_CLIENT_SECRET, in the bridge BRIDGE_LOOK_UP_GROUPS=on)'

export const people: People<OpenIdSignIn> = {
  principals: {
    pattern: anyOf(`user:${GUID}`, `tenant:${GUID}`, GROUP),
    hint: 'tenant:ID, user:OBJECT_ID, group:OBJECT_ID or role:NAME; Microsoft does not verify e-mail addresses',
  },
  signIn: {
    protocol: 'openid',
    credentialMistakes: (_, clientSecret = '') =>
      new RegExp(`^${GUID}$`, 'i').test(clientSecret)
        ? {
            clientSecret:
              'is a GUID, as the Secret ID and the Application (client) ID are; needed is the Value of a client secret, which is shown once, when it is made (App registrations > the application > Certificates & secrets)',
          }
        : {},
    title: 'Microsoft',
    scopes: OPENID_SCOPES,
    assertionAudience: 'token_endpoint',
    platformTokenFile: 'AZURE_FEDERATED_TOKEN_FILE',
    promptForAnother: 'select_account',
    personOf(claims, names) {
      const [tenant, id] = [textOf(claims.tid), textOf(claims.oid)]
      const known = openIdPerson('azure', claims, names)
      if (!known || tenant === undefined || id === undefined) return undefined
      return personWith({
        ...known,
        subject: `azure:${tenant}:${id}`,
        id,
        tenant,
        // `email` is what an administrator of any tenant typed in (nOAuth).
        verifiedEmails: [],
        unverifiedEmail: true,
        withheld: hasTooManyGroups(claims) ? GROUPS_WITHHELD : undefined,
      })
    },
  },
}

/** Whether Entra ID says that there are groups, and not which: it names where to ask (`_claim_names`), or only that there are some. */
export function hasTooManyGroups(claims: Readonly<Record<string, unknown>>): boolean {
  const { groups, hasgroups, _claim_names: elsewhere } = claims
  if (groups !== undefined) return false
  const isElsewhere = typeof elsewhere === 'object' && elsewhere !== null && 'groups' in elsewhere
  return isElsewhere || hasgroups === true || hasgroups === 'true'
}
