// What is listed here is public; everything else may change.

export {
  type Auth0Api,
  type Auth0Dialect,
  type Auth0Emulator,
  type Auth0EmulatorOptions,
  type Auth0TokenOptions,
  createAuth0Emulator,
} from './auth0.ts'
export {
  type AzureApi,
  type AzureClient,
  type AzureEmulator,
  type AzureEmulatorOptions,
  type AzureTenant,
  type AzureTokenOptions,
  type AzureUser,
  createAzureEmulator,
} from './azure.ts'
export type { FederatedCredential } from './core/client-assertion.ts'
export {
  createEmulator,
  type Emulator,
  type EmulatorDefinition,
  type EmulatorOptions,
  type Outage,
} from './core/emulator.ts'
export { createKeyRing, type KeyRing, type KeyRingOptions, signJwt } from './core/keys.ts'
export { type DocumentName, type OptionalMember, optionalMembers } from './core/optional-members.ts'
export {
  type Client,
  createSignIn,
  type Grant,
  OAuthFailure,
  type SignIn,
  type SignInRules,
  type User,
} from './core/sign-in.ts'
export type { ErrorForm, Variant } from './core/variant.ts'
export { createGithubEmulator, type GithubEmulator, type GithubEmulatorOptions } from './github.ts'
export { createGoogleEmulator, type GoogleEmulator, type GoogleEmulatorOptions } from './google.ts'
export {
  createOidcEmulator,
  type OidcEmulator,
  type OidcEmulatorOptions,
  type OidcTokenOptions,
  type OidcUser,
} from './oidc.ts'
export {
  createOktaEmulator,
  type OktaEmulator,
  type OktaEmulatorOptions,
  type OktaTokenOptions,
  type OktaUser,
} from './okta.ts'
export type { EmulatedClient, EmulatedMachine } from './programs.ts'
export { type Emulation, type EmulatorName, emulatorNames, type Fault, type RunOptions, runEmulator } from './run.ts'
