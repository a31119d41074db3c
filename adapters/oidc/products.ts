import { isHostWithin } from '../../src/adapter-options.ts'

/** A product or service that is one file of settings over this adapter. What it takes to set one up: docs/providers/presets.md. */
export interface Product {
  /** As in `AUTH_PROVIDER` and in the name of its file in `config/`. */
  readonly name: string
  /** The product's own name, for people. */
  readonly title: string
  /** Whether a metadata URL or issuer is this product's. */
  recognizes(url: URL): boolean
  /** How this server gets into `aud`. */
  readonly audience?: string
  /** How tokens become JWTs. */
  readonly jwt?: string
}

/** A host of a service, or a path that no other product has. Custom domains of services cannot be told. */
export const products: readonly Product[] = [
  {
    name: 'keycloak',
    title: 'Keycloak',
    recognizes: ({ pathname }) => /^(\/auth)?\/realms\/[^/]+/.test(pathname),
    audience:
      "Keycloak: add a mapper of type Audience to a client scope of the client, with this server's URL as Included Custom Audience",
  },
  {
    name: 'cognito',
    title: 'Amazon Cognito',
    recognizes: ({ hostname }) => /^cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/.test(hostname),
    audience:
      'Cognito has no aud without resource binding: AUTH_PROVIDER=cognito binds tokens to COGNITO_CLIENT_IDS instead',
  },
  {
    name: 'workos',
    title: 'WorkOS AuthKit',
    recognizes: url => isHostWithin(url, 'authkit.app'),
    audience: 'WorkOS AuthKit: configure this server as a resource; without one aud is the client id',
  },
  {
    name: 'clerk',
    title: 'Clerk',
    recognizes: url => isHostWithin(url, 'clerk.accounts.dev'),
    audience: 'Clerk: AUTH_PROVIDER=clerk binds tokens to CLERK_CLIENT_IDS instead',
    jwt: 'Clerk: OAuth applications > Settings > Generate access tokens as JWTs',
  },
  {
    name: 'descope',
    title: 'Descope',
    recognizes: url => url.hostname === 'api.descope.com',
    audience: 'Descope: aud is the project id; set audience to it',
  },
  {
    name: 'supabase',
    title: 'Supabase Auth',
    recognizes: url =>
      isHostWithin(url, 'supabase.co') && /^(\/\.well-known\/[^/]+)?\/auth\/v1(\/|$)/.test(url.pathname),
    audience:
      'Supabase: aud is "authenticated" for everybody; AUTH_PROVIDER=supabase binds tokens to SUPABASE_CLIENT_IDS',
  },
  {
    name: 'zitadel',
    title: 'Zitadel',
    recognizes: url => isHostWithin(url, 'zitadel.cloud'),
    audience:
      'Zitadel: the client must request the scope urn:zitadel:iam:org:project:id:{project id}:aud, and audience name the project',
    jwt: 'Zitadel: set the access token type of the application to JWT, or use the adapter introspection',
  },
  {
    name: 'logto',
    title: 'Logto',
    recognizes: url => isHostWithin(url, 'logto.app'),
    audience: 'Logto: register this server as an API resource; clients must request it by resource',
    jwt: 'Logto: tokens are opaque unless the request named an API resource; register this server as one',
  },
  {
    name: 'ping',
    title: 'PingOne',
    recognizes: ({ hostname }) => /^auth\.pingone\.(com|eu|ca|asia|com\.au)$/.test(hostname),
  },
  {
    name: 'authentik',
    title: 'Authentik',
    recognizes: ({ pathname }) => /^(\/\.well-known\/[^/]+)?\/application\/o\/[^/]+/.test(pathname),
    audience: 'Authentik: aud is the client id of the OAuth2 provider; set audience (AUTHENTIK_CLIENT_ID) to it',
  },
  {
    name: 'adfs',
    title: 'Active Directory Federation Services',
    recognizes: ({ pathname }) => /^(\/\.well-known\/[^/]+)?\/adfs(\/|$)/.test(pathname),
    audience:
      'AD FS: aud is the identifier of the Web API, which clients name by resource; set ADFS_AUDIENCE to what tokens carry',
  },
  {
    name: 'b2c',
    title: 'Azure AD B2C',
    recognizes: url => isHostWithin(url, 'b2clogin.com'),
    audience: 'Azure AD B2C: aud is the Application (client) ID of the API; set B2C_CLIENT_ID to it',
  },
]

/** The product that a metadata URL or issuer belongs to, where that is known. */
export function productAt(url: URL): Product | undefined {
  return products.find(({ recognizes }) => recognizes(url))
}
