import { betterAuth } from './better-auth.ts'
import { cognitoLocal } from './cognito-local.ts'
import { djangoOauthToolkit } from './django-oauth-toolkit.ts'
import { emulatedGithub, emulatedGoogle, emulatedMicrosoft, emulatedOkta } from './emulate.ts'
import { glewlwyd } from './glewlwyd.ts'
import { lemonldapNg } from './lemonldap-ng.ts'
import { oauth2MockServer } from './oauth2-mock-server.ts'
import {
  oidcProviderNamingClients,
  oidcProviderWithJwts,
  oidcProviderWithResources,
  stockOidcProvider,
} from './oidc-provider.ts'
import type { Definition } from './server.ts'

/** Everything that is tried, in the order of the page. */
export const definitions: readonly Definition[] = [
  glewlwyd,
  lemonldapNg,
  djangoOauthToolkit,
  stockOidcProvider,
  oidcProviderWithJwts,
  oidcProviderWithResources,
  oidcProviderNamingClients,
  betterAuth,
  oauth2MockServer,
  cognitoLocal,
  emulatedOkta,
  emulatedMicrosoft,
  emulatedGoogle,
  emulatedGithub,
]
