/** What the composition needs of the authorization server. Loaded only where settings ask for one: `#authorization-server`. */
export { createIssuerKeys, discoverJwksUri } from './identity-assertions.ts'
export { fetchInProcess } from './in-process.ts'
export { redirectUriProblem } from './redirect-uris.ts'
export {
  type AssertionIssuer,
  type AuthorizationServer,
  type AuthorizationServerOptions,
  createAuthorizationServer,
  createGithubUpstream,
  createOpenIdUpstream,
  type OperatorClient,
  type StoreFactory,
  type Upstream,
} from './server.ts'
export { SealedWithOtherKeyError } from './shared-value.ts'
export { migrateStore, type OpenStores, openStores } from './stores/open.ts'
export { admit } from './upstream/admission.ts'
export { assertionFields, signAssertion } from './upstream/client-assertion.ts'
export { UpstreamMisconfiguredError, UpstreamUnavailableError } from './upstream/upstream.ts'
