import type { Mistake } from '../mistake.ts'
import { npmStart } from '../runs.ts'

const URL_OF_AUTH0 = 'https://tenant.eu.auth0.com/.well-known/openid-configuration'
const AUTH0 = { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' }
const GOOGLE = { AUTH_PROVIDER: 'google', GOOGLE_GRANT_SCOPES: 'notes:read', GOOGLE_GRANT_TO: 'everyone' }
const AZURE = { AUTH_PROVIDER: 'azure', AZURE_TENANT_ID: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' }
const BRIDGE = { ...AUTH0, AUTH_BRIDGE: 'on', BRIDGE_ALLOW: 'everyone', BRIDGE_GRANT_SCOPES: 'notes:read' }

/** Settings that are wrong, missing, or not where the server reads them. */
export const settings: readonly Mistake[] = [
  {
    mistake: 'The name of a setting is misspelled: `AUTH_PROVDER=auth0`',
    run: 'npm start',
    cause: 'AUTH_PROVDER: is not a setting',
    fix: 'did you mean AUTH_PROVIDER?',
    see: () => npmStart({ AUTH_PROVDER: 'auth0' }),
  },
  {
    mistake: 'The name of the provider is misspelled: `AUTH_PROVIDER=atuh0`',
    run: 'npm start',
    cause: 'AUTH_PROVIDER: names no provider',
    fix: 'Did you mean auth0?',
    see: () => npmStart({ AUTH_PROVIDER: 'atuh0' }),
  },
  {
    mistake: 'The provider is called by another of its names: `AUTH_PROVIDER=microsoft`',
    run: 'npm start',
    cause: 'AUTH_PROVIDER: names no provider',
    fix: 'Did you mean azure?',
    see: () => npmStart({ AUTH_PROVIDER: 'microsoft' }),
  },
  {
    mistake: 'A provider is chosen, and nothing else is set: `AUTH_PROVIDER=auth0`',
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: is not set',
    fix: 'the Domain of any application',
    see: () => npmStart({ AUTH_PROVIDER: 'auth0' }),
  },
  {
    mistake: 'The domain is a URL: `AUTH0_DOMAIN=https://acme.eu.auth0.com/`',
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: must be a host name alone',
    fix: 'no https:// before it, no slash or path after it',
    see: () => npmStart({ ...AUTH0, AUTH0_DOMAIN: 'https://acme.eu.auth0.com/' }),
  },
  {
    mistake: 'The domain is only the name of the tenant: `AUTH0_DOMAIN=acme`',
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: is a whole domain: tenant.eu.auth0.com',
    fix: 'not only the name of the tenant',
    see: () => npmStart({ ...AUTH0, AUTH0_DOMAIN: 'acme' }),
  },
  {
    mistake: 'A provider is set up and not chosen: `AUTH0_DOMAIN=…` without `AUTH_PROVIDER`',
    run: 'npm start',
    cause: 'AUTH_PROVIDER: is not set, but there is AUTH0_DOMAIN (of auth0)',
    fix: 'Set AUTH_PROVIDER=auth0',
    see: () => npmStart({ AUTH0_DOMAIN: 'acme.eu.auth0.com' }),
  },
  {
    mistake: 'One provider is chosen and another one is set up: `AUTH_PROVIDER=okta AUTH0_DOMAIN=…`',
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: has no effect: auth0 is not in use',
    fix: 'OKTA_DOMAIN: is not set',
    see: () => npmStart({ AUTH_PROVIDER: 'okta', AUTH0_DOMAIN: 'acme.eu.auth0.com' }),
  },
  {
    mistake: "The URL is another provider's: `AUTH_PROVIDER=okta` with the metadata URL of Auth0",
    run: 'npm start',
    cause: 'AUTH_METADATA_URL: is a URL of Auth0, but the chosen provider is Okta',
    fix: 'set AUTH_PROVIDER=auth0',
    see: () => npmStart({ AUTH_PROVIDER: 'okta', AUTH_METADATA_URL: URL_OF_AUTH0 }),
  },
  {
    mistake: "The domain is another provider's: `AUTH_PROVIDER=auth0 AUTH0_DOMAIN=acme.okta.com`",
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: is a URL of Okta, but the chosen provider is Auth0',
    fix: 'set AUTH_PROVIDER=okta',
    see: () => npmStart({ ...AUTH0, AUTH0_DOMAIN: 'acme.okta.com' }),
  },
  {
    mistake: "The address is that of Okta's admin console: `OKTA_DOMAIN=acme-admin.okta.com`",
    run: 'npm start',
    cause: 'OKTA_DOMAIN: is the address of the admin console',
    fix: "the org's own is https://acme.okta.com",
    see: () => npmStart({ AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme-admin.okta.com' }),
  },
  {
    mistake: "Okta's org authorization server, which signs tokens that nobody else can verify",
    run: 'npm start',
    cause: 'AUTH_METADATA_URL: is the org authorization server, whose tokens cannot be verified by key',
    fix: 'set it to a custom one (https://acme.okta.com/oauth2/default)',
    see: () =>
      npmStart({
        AUTH_PROVIDER: 'okta',
        AUTH_METADATA_URL: 'https://acme.okta.com/.well-known/openid-configuration',
      }),
  },
  {
    mistake: 'The provider is addressed with http: `AUTH_METADATA_URL=http://id.example.com/…`',
    run: 'npm start',
    cause: 'AUTH_METADATA_URL: must be a URL that starts with https://',
    fix: 'name it in AUTH_INSECURE_HOSTS',
    see: () => npmStart({ AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: 'http://id.example.com/realms/acme' }),
  },
  {
    mistake: 'A placeholder of a guide was never replaced: `AUTH0_DOMAIN=<your-tenant>.auth0.com`',
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: is still a placeholder',
    fix: 'Put your own value in its place',
    see: () => npmStart({ ...AUTH0, AUTH0_DOMAIN: '<your-tenant>.auth0.com' }),
  },
  {
    mistake: 'Quotation marks that nobody takes off, as in a file for `docker --env-file`: `AUTH_PROVIDER="auth0"`',
    run: 'npm start',
    cause: 'AUTH_PROVIDER: is in quotation marks, and they are part of the value',
    fix: 'Leave them out',
    see: () => npmStart({ ...AUTH0, AUTH_PROVIDER: '"auth0"' }),
  },
  {
    mistake: "Quotation marks in the Windows prompt: `set AUTH0_DOMAIN='acme.eu.auth0.com'`",
    run: 'npm start',
    cause: 'AUTH0_DOMAIN: is in quotation marks, and they are part of the value',
    fix: 'Leave them out',
    see: () => npmStart({ ...AUTH0, AUTH0_DOMAIN: "'acme.eu.auth0.com'" }),
  },
  {
    mistake: 'A colon in `.env`: `AUTH_PROVIDER: auth0`',
    run: 'npm start',
    cause: 'AUTH_PROVIDER: is on line 1 of ….env, which sets nothing',
    fix: 'write AUTH_PROVIDER=… there',
    see: () => npmStart({}, 'AUTH_PROVIDER: auth0\n'),
  },
  {
    mistake: 'A setting that is almost called so: `GOOGLE_CLIENT_ID` for `GOOGLE_CLIENT_IDS`',
    run: 'npm start',
    cause: 'GOOGLE_CLIENT_IDS: is not set',
    fix: 'GOOGLE_CLIENT_ID: is not a setting; did you mean GOOGLE_CLIENT_IDS?',
    see: () => npmStart({ ...GOOGLE, GOOGLE_CLIENT_ID: '1-a.apps.googleusercontent.com' }),
  },
  {
    mistake: 'A scope is misspelled in a rule: `GOOGLE_GRANT_SCOPES=notes:raed`',
    run: 'npm start',
    cause: 'GOOGLE_GRANT_SCOPES: names notes:raed, which the server does not declare',
    fix: 'did you mean notes:read?',
    see: () =>
      npmStart({ ...GOOGLE, GOOGLE_CLIENT_IDS: '1-a.apps.googleusercontent.com', GOOGLE_GRANT_SCOPES: 'notes:raed' }),
  },
  {
    mistake: 'The name of the app in place of its id: `AZURE_CLIENT_ID=notes-server`',
    run: 'npm start',
    cause: 'AZURE_CLIENT_ID: must be a GUID',
    fix: 'Entra admin center > App registrations > the API > Overview',
    see: () => npmStart({ ...AZURE, AZURE_CLIENT_ID: 'notes-server' }),
  },
  {
    mistake: 'Entra for every tenant there is: `AZURE_TENANT_ID=common`',
    run: 'npm start',
    cause: 'common stands for every tenant there is',
    fix: 'AZURE_ALLOWED_TENANTS: must list the tenants whose users may come in',
    see: () =>
      npmStart({ ...AZURE, AZURE_TENANT_ID: 'common', AZURE_CLIENT_ID: '6731de76-14a6-49ae-97bc-6eba6914391e' }),
  },
  {
    mistake: '`PUBLIC_URL` with the endpoint: `PUBLIC_URL=https://mcp.example.com/mcp/`',
    run: 'npm start',
    cause: 'PUBLIC_URL: is https://mcp.example.com/mcp/, and the endpoint /mcp is appended to it',
    fix: 'give the URL without the endpoint, https://mcp.example.com',
    see: () => npmStart({ ...AUTH0, PUBLIC_URL: 'https://mcp.example.com/mcp/' }),
  },
  {
    mistake: '`PUBLIC_URL` without a scheme: `PUBLIC_URL=mcp.example.com`',
    run: 'npm start',
    cause: 'PUBLIC_URL: is not an absolute URL',
    fix: 'write it like https://mcp.example.com',
    see: () => npmStart({ ...AUTH0, PUBLIC_URL: 'mcp.example.com' }),
  },
  {
    mistake: '`PUBLIC_URL` with http: `PUBLIC_URL=http://mcp.example.com`',
    run: 'npm start',
    cause: 'PUBLIC_URL: must start with https://',
    fix: 'http:// is accepted only for localhost',
    see: () => npmStart({ ...AUTH0, PUBLIC_URL: 'http://mcp.example.com' }),
  },
  {
    mistake: 'The demo sign-in where others reach it: `HOST=0.0.0.0`, in a container',
    run: 'npm start',
    cause: 'a sign-in that lets anybody in as anybody, and others could reach it (HOST is 0.0.0.0)',
    fix: 'Name a real provider, keep the server on this machine',
    see: () => npmStart({ HOST: '0.0.0.0' }),
  },
  {
    mistake: 'The port of the authorization server: `PORT=3001`',
    run: 'npm start',
    cause: 'AUTH_SERVER_PORT: is the same as PORT (3001)',
    fix: 'choose another, or AUTH_MODE=embedded to share one port',
    see: () => npmStart({ PORT: '3001' }),
  },
  {
    mistake: 'A switch is not on or off: `AUTH_BRIDGE=true`',
    run: 'npm start',
    cause: 'AUTH_BRIDGE: must be on or off',
    fix: 'must be on or off',
    see: () => npmStart({ ...AUTH0, AUTH_BRIDGE: 'true' }),
  },
  {
    mistake: 'The bridge has no client at the provider: `AUTH_BRIDGE=on` alone',
    run: 'npm start',
    cause: 'BRIDGE_CLIENT_ID: is not set',
    fix: 'the client id of a web application at the provider with the redirect URI http://localhost:3001/oauth/callback',
    see: () => npmStart({ ...AUTH0, AUTH_BRIDGE: 'on' }),
  },
  {
    mistake: 'The bridge is set up and not turned on: `BRIDGE_CLIENT_ID=…` without `AUTH_BRIDGE`',
    run: 'npm start',
    cause: 'AUTH_BRIDGE: is not set, but there is BRIDGE_CLIENT_ID',
    fix: 'Set AUTH_BRIDGE=on to use the bridge',
    see: () => npmStart({ ...AUTH0, BRIDGE_CLIENT_ID: 'notes' }),
  },
  {
    mistake: 'A password in place of keys: `BRIDGE_KEYS=secret`',
    run: 'npm start',
    cause: 'BRIDGE_KEYS: must be keys of 32 bytes in base64',
    fix: 'openssl rand -base64 32 makes one',
    see: () =>
      npmStart({ ...BRIDGE, BRIDGE_CLIENT_ID: 'notes', BRIDGE_CLIENT_SECRET: 'secret', BRIDGE_KEYS: 'secret' }),
  },
  {
    mistake: 'Redis without a scheme: `REDIS_URL=localhost:6379`',
    run: 'npm start',
    cause: 'REDIS_URL: must be a URL',
    fix: 'such as redis://host',
    see: () => npmStart({ REDIS_URL: 'localhost:6379' }),
  },
]
