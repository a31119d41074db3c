import type Provider from 'oidc-provider'
import type { Client } from 'oidc-provider'

type Grant = InstanceType<Provider['Grant']>

/** MCP clients want refresh tokens and do not ask for this scope; in a grant it stands for the person's wish all the same. */
const OFFLINE = 'offline_access'

/** Has a grant come without a refresh token: the person does not want to stay signed in. */
export function refuseToStay(grant: Grant): void {
  grant.rejectOIDCScope(OFFLINE)
}

/** Whether a client gets a refresh token. @param grant - Absent where no person was asked. */
export function canStay(client: Client, grant?: Grant): boolean {
  if (!client.grantTypeAllowed('refresh_token')) return false
  return !grant?.getRejectedOIDCScope().split(' ').includes(OFFLINE)
}
