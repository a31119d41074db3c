import type { Claims } from '../engines/claim-judge.ts'

/**
 * Whether a token is of a Keycloak service account (client credentials), whose subject is that of a user made for it. Its name follows
 * from the client (`ServiceAccountConstants` of Keycloak). A person may register such a name where the client has no service account,
 * and then has a session, which a service account has not; versions before 12 gave it one, with the address of the client.
 */
export function isServiceAccount(claims: Claims, clientId: unknown): boolean {
  const { preferred_username: name, sid, session_state: session, clientAddress, clientHost } = claims
  if (typeof clientId !== 'string' || typeof name !== 'string') return false
  if (name !== `service-account-${clientId.toLowerCase()}`) return false
  return typeof (clientAddress ?? clientHost) === 'string' || (sid ?? session ?? undefined) === undefined
}
