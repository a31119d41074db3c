import { describe, expect, it } from 'vitest'
import { adapters, recognizeProvider } from '../../adapters/index.ts'
import { products } from '../../adapters/oidc/products.ts'

/** Every host and path by which a provider is known. */
const known: Record<string, string[]> = {
  auth0: [
    'https://acme.auth0.com/',
    'https://acme.eu.auth0.com/.well-known/openid-configuration',
    'https://acme.auth0app.com',
  ],
  okta: [
    'https://acme.okta.com',
    'https://acme.okta.com/oauth2/default',
    'https://acme.okta.com/.well-known/oauth-authorization-server/oauth2/aus1a2b3c4d5e6f7g8h9',
    'https://acme.oktapreview.com/oauth2/default',
    'https://acme.okta-emea.com/oauth2/default',
    'https://acme.okta-gov.com/oauth2/default',
    'https://acme.okta.mil/oauth2/default',
    // Recognised so that the mistake gets its sentence.
    'https://acme-admin.okta.com',
    // Custom domains, by their paths.
    'https://login.example.com/oauth2/default/.well-known/openid-configuration',
    'https://login.example.com/oauth2/aus1a2b3c4d5e6f7g8h9/v1/keys',
  ],
  azure: [
    'https://login.microsoftonline.com/72f988bf-0000-4000-8000-000000000001/v2.0/.well-known/openid-configuration',
    'https://login.microsoft.com/common/v2.0',
    'https://login.windows.net/common',
    'https://sts.windows.net/72f988bf-0000-4000-8000-000000000001/',
    'https://westeurope.login.microsoft.com/common/v2.0',
    'https://login.microsoftonline.us/common/v2.0',
    'https://login.usgovcloudapi.net/common',
    'https://login-us.microsoftonline.com/common',
    'https://login.partner.microsoftonline.cn/common/v2.0',
    'https://login.chinacloudapi.cn/common',
    'https://login.microsoftonline.de/common',
    'https://acme.ciamlogin.com/72f988bf-0000-4000-8000-000000000001/v2.0',
  ],
  google: ['https://accounts.google.com', 'https://accounts.google.com/.well-known/openid-configuration'],
  github: [
    'https://github.com/login/oauth',
    'https://github.com/.well-known/oauth-authorization-server/login/oauth',
    'https://acme.ghe.com/login/oauth',
  ],
  keycloak: [
    'https://id.example.com/realms/acme',
    'https://id.example.com/auth/realms/acme/.well-known/openid-configuration',
    'http://localhost:8080/realms/acme',
  ],
  cognito: [
    'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI',
    'https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEfGhI',
  ],
  workos: ['https://acme.authkit.app', 'https://acme.authkit.app/.well-known/oauth-authorization-server'],
  clerk: ['https://acme.clerk.accounts.dev', 'https://acme.clerk.accounts.dev/.well-known/openid-configuration'],
  descope: [
    'https://api.descope.com/v1/apps/P2abcdefghij',
    'https://api.descope.com/v1/apps/agentic/P2abcdefghij/MS35/.well-known/openid-configuration',
  ],
  supabase: [
    'https://abcdefghijklmnopqrst.supabase.co/auth/v1',
    'https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/openid-configuration',
    'https://abcdefghijklmnopqrst.supabase.co/.well-known/oauth-authorization-server/auth/v1',
  ],
  zitadel: ['https://acme.zitadel.cloud', 'https://acme.us1.zitadel.cloud/.well-known/openid-configuration'],
  logto: ['https://acme.logto.app/oidc'],
  ping: [
    'https://auth.pingone.com/5b1f0c2e-0000-4000-8000-000000000001/as',
    'https://auth.pingone.eu/5b1f0c2e-0000-4000-8000-000000000001/as',
    'https://auth.pingone.com.au/5b1f0c2e-0000-4000-8000-000000000001/as',
  ],
  authentik: [
    'https://authentik.example.com/application/o/notes/',
    'https://authentik.example.com/application/o/notes/.well-known/openid-configuration',
  ],
  adfs: [
    'https://adfs.example.com/adfs',
    'https://adfs.example.com/adfs/.well-known/openid-configuration',
    'https://adfs.example.com/.well-known/openid-configuration/adfs',
  ],
  b2c: [
    'https://acme.b2clogin.com/acme.onmicrosoft.com/b2c_1_signin/v2.0',
    'https://acme.b2clogin.com/775527ff-9a37-4307-8b3d-cc311f58d925/v2.0/',
  ],
  oidc: ['https://id.example.com', 'http://localhost:8080'],
}

const rows = Object.entries(known).flatMap(([adapter, urls]) => urls.map(url => [url, adapter] as const))
const recognized = (url: string) => recognizeProvider(new URL(url)).name

it.each(rows)('%s is told to be %s', (url, adapter) => {
  expect(recognized(url)).toBe(adapter)
})

describe('the spelling of a host', () => {
  it.each(rows)('in capitals, with a port and with the dot of the root is no difference: %s', (url, adapter) => {
    const { protocol, hostname, pathname } = new URL(url)
    expect(recognized(`${protocol}//${hostname.toUpperCase()}:8443${pathname}`)).toBe(adapter)
    expect(recognized(`${protocol}//${hostname}.${pathname}`)).toBe(adapter)
  })
})

describe('a look-alike', () => {
  const domains = [
    'auth0.com',
    'auth0app.com',
    'okta.com',
    'oktapreview.com',
    'okta-emea.com',
    'login.microsoftonline.com',
    'sts.windows.net',
    'ciamlogin.com',
    'b2clogin.com',
    'authkit.app',
    'clerk.accounts.dev',
    'api.descope.com',
    'zitadel.cloud',
    'logto.app',
    'auth.pingone.com',
    'accounts.google.com',
    'github.com',
    'ghe.com',
  ]
  it.each(
    domains.flatMap(domain => [
      `https://${domain}.evil.example/login/oauth`,
      `https://acme.${domain}.evil.example/login/oauth`,
      `https://evil${domain}/login/oauth`,
      `https://evil-${domain}/login/oauth`,
      `https://${domain}@evil.example/login/oauth`,
      `https://acme.${domain}:443@evil.example/login/oauth`,
      `https://evil.example/${domain}/login/oauth`,
      `https://evil.example/login/oauth?host=acme.${domain}`,
      `https://evil.example/login/oauth#.${domain}`,
      `https://evil.example\\@acme.${domain}/login/oauth`,
      `https://${domain.replaceAll('.', '-')}.example/login/oauth`,
    ]),
  )('%s is nobody’s but the generic adapter’s', url => {
    expect(recognized(url)).toBe('oidc')
  })

  it.each([
    'https://notokta.com',
    'https://accounts.google.com.evil.example',
    'https://www.google.com',
    'https://oauth.accounts.google.com',
    'https://github.com/acme/repository',
    'https://gist.github.com/login/oauth',
    'https://raw.githubusercontent.com/login/oauth',
    'https://windows.net/common',
    'https://cognito-idp.eu-central-1.amazonaws.com.evil.example/eu-central-1_A',
    'https://cognito-idp.evil.example.amazonaws.com/eu-central-1_A',
    'https://cognito-idp-eu-central-1.amazonaws.com/eu-central-1_A',
    'https://evil.example/cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A',
    'https://abcdefghijklmnopqrst.supabase.co/rest/v1',
    'https://abcdefghijklmnopqrst.supabase.co.evil.example/auth/v1',
    'https://evilsupabase.co/auth/v1',
    'https://clerk.acme.com',
    'https://auth.pingone.com.evil.example/x/as',
    'https://auth.pingone.evil/x/as',
    'https://id.example.com/realms',
    'https://id.example.com/tenants/realms/acme',
    'https://id.example.com/application/other/notes',
    'https://id.example.com/application/o/',
    'https://id.example.com/adfsx',
    'https://id.example.com/tenant/adfs',
    'https://id.example.com/oauth2/v1',
    'https://id.example.com/oauth2/token',
    'https://id.example.com/oauth2/defaults',
    'https://id.example.com/oauth2/auspicious/login',
  ])('%s is not taken for a provider either', url => {
    expect(recognized(url)).toBe('oidc')
  })
})

it('is never the demo or introspection, which have no addresses of their own', () => {
  for (const name of ['demo', 'introspection', 'oidc']) {
    expect(adapters.find(adapter => adapter.name === name)?.recognizes, name).toBeUndefined()
  }
})

it('is one provider’s alone', () => {
  for (const [url] of rows) {
    const claimants = [...adapters, ...products].filter(each => each.recognizes?.(new URL(url)))
    expect(claimants.length, url).toBeLessThanOrEqual(1)
  }
})
