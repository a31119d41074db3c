import { DatabaseSync } from 'node:sqlite'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import { listener, serve } from './serve.js'

/** In memory; clients get the ids and secrets of the settings, in their order. */
serve(async ({ issuer, clients, scopes, people, resources, lifetime }) => {
  const database = new DatabaseSync(':memory:')
  const ids = clients.map(({ id }) => id)
  const secrets = clients.map(({ secret }) => secret)
  const options = {
    baseURL: new URL(issuer).origin,
    secret: 'made up, and as long as it has to be',
    database,
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    plugins: [
      jwt(),
      oauthProvider({
        loginPage: '/sign-in',
        consentPage: '/consent',
        scopes: ['openid', 'profile', 'email', 'offline_access', ...scopes],
        resources,
        enforcePerClientResources: false,
        accessTokenExpiresIn: lifetime,
        m2mAccessTokenExpiresIn: lifetime,
        clientPrivileges: () => true,
        generateClientId: () => ids.shift(),
        generateClientSecret: () => secrets.shift(),
        silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
      }),
    ],
  }
  const { runMigrations } = await getMigrations(options)
  await runMigrations()
  const auth = betterAuth(options)

  /** By name. */
  const subjects = {}
  let headers
  for (const name of people) {
    const body = { name, email: `${name}@example.com`, password: `password-of-${name}` }
    const signedUp = await auth.api.signUpEmail({ body, returnHeaders: true })
    subjects[name] = signedUp.response.user.id
    headers ??= {
      cookie: signedUp.headers
        .getSetCookie()
        .map(line => line.split(';')[0])
        .join('; '),
    }
  }
  for (const { redirectUri, authMethod } of clients) {
    await auth.api.adminCreateOAuthClient({
      headers,
      body: redirectUri
        ? {
            token_endpoint_auth_method: authMethod,
            application_type: 'native',
            redirect_uris: [redirectUri],
            grant_types: ['authorization_code', 'refresh_token'],
          }
        : { grant_types: ['client_credentials'], client_credentials_scopes: scopes, response_types: [] },
    })
  }

  return {
    ...listener(issuer, toNodeHandler(auth)),
    subjects: () => subjects,
    replaceKeys: () => void database.exec('DELETE FROM jwks'),
    removePerson: async name => (await auth.$context).internalAdapter.deleteUser(subjects[name]),
  }
})
