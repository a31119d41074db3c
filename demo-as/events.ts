import type Provider from 'oidc-provider'
import type { errors, KoaContextWithOIDC } from 'oidc-provider'
import type { Log } from './audit.ts'

/** Tells the log what oidc-provider decides. */
export function logEvents(provider: Provider, log: Log): void {
  const refused = (event: string) => (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) =>
    log(event, {
      error: error.message,
      description: error.error_description,
      detail: error.error_detail,
      ...partiesOf(ctx),
      grantType: ctx.oidc.params?.grant_type,
    })
  provider.on('authorization.error', refused('authorization_refused'))
  provider.on('grant.error', refused('token_refused'))
  provider.on('registration_create.error', refused('registration_refused'))
  provider.on('introspection.error', refused('introspection_refused'))
  provider.on('revocation.error', refused('revocation_refused'))
  provider.on('device_authorization.error', refused('device_authorization_refused'))
  provider.on('code_verification.error', refused('device_form_refused'))
  provider.on('device_resume.error', refused('device_form_refused'))
  provider.on('registration_create.success', (_ctx, client) =>
    log('client_registered', { clientId: client.clientId, clientName: client.clientName }),
  )
  provider.on('grant.success', ctx => {
    const { AccessToken, ClientCredentials } = ctx.oidc.entities
    const token = AccessToken ?? ClientCredentials
    // An earlier answer was given again.
    if (!token) return
    log('token_issued', {
      clientId: token.clientId,
      subject: AccessToken?.accountId,
      scope: token.scope,
      resource: token.aud,
      grantType: ctx.oidc.params?.grant_type,
      grantId: AccessToken?.grantId,
    })
  })
  provider.on('grant.revoked', (ctx, grantId) => log('family_revoked', { grantId, ...partiesOf(ctx) }))
  provider.on('server_error', (_ctx, error) => log('server_error', { error: error.stack }))
}

/** Client and person, as far as they are known yet. */
function partiesOf({ oidc }: KoaContextWithOIDC) {
  const { AccessToken, AuthorizationCode, DeviceCode, RefreshToken } = oidc.entities
  const code = RefreshToken ?? AuthorizationCode ?? DeviceCode ?? AccessToken
  return { clientId: oidc.client?.clientId, subject: oidc.account?.accountId ?? code?.accountId }
}
