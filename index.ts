// What is listed here is public; everything else may change.

// For adapters of your own (docs/adapters.md).
export { z } from 'zod'
// Sign-in for a server: one declaration, one line to swap the provider.
export {
  type AuthOptions,
  type Auths,
  configure,
  createAuth,
  createAuths,
  type Declarations,
  type Tenants,
} from './auth/create-auth.ts'
export type { AccessRules, ResourceDeclaration } from './auth/declaration.ts'
export type { ConfiguredProvider } from './config/providers.ts'
export { type Adapter, type AdapterContext, defineAdapter, type LookUp, type TokenPeople } from './src/adapter.ts'
export {
  claimPath,
  flag,
  httpsUrl,
  isHostWithin,
  providerOptions,
  secretName,
  textList,
  textListNonEmpty,
} from './src/adapter-options.ts'
export type {
  Access,
  Answer,
  Auth,
  AuthObserver,
  AuthorizationServerCall,
  BodyProblem,
  Decision,
  ObservedProvider,
  Operation,
  Refused,
  RequestHead,
  ScopeChallengeHandler,
} from './src/auth.ts'
export type { AuthorizationServer } from './src/authorization-server.ts'
export { claimReason } from './src/claims/cures.ts'
export { type ClaimOptions, claimMistakes, claimOptions, claimRules } from './src/claims/options.ts'
export { ConfigError, type ConfigProblem } from './src/config-error.ts'
export type { CompleteContext, ProviderCall, ValidatorContext, ValidatorObserver } from './src/context.ts'
export { type CheckEndpointValidatorOptions, createCheckEndpointValidator } from './src/engines/check-endpoint.ts'
export type { AudienceRule, ClaimMapping, ClaimRules, Claims } from './src/engines/claim-judge.ts'
export { scopesFrom, scopesFromAll } from './src/engines/claim-judge.ts'
export type { IssuerChoice } from './src/engines/discovery.ts'
export {
  type ClientCredentials,
  createIntrospectionValidator,
  type IntrospectionValidatorOptions,
} from './src/engines/introspection.ts'
export { issuerAndMetadata, issuerOptions } from './src/engines/issuer.ts'
export { createJwtValidator, type IssuerRule, type JwtValidatorOptions } from './src/engines/jwt.ts'
export {
  AuthorizationError,
  InsufficientScopeError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  MisconfigurationError,
  MissingTokenError,
  ValidatorUnavailableError,
} from './src/errors.ts'
export {
  createIdentityResolver,
  type Identity,
  type IdentityLink,
  type IdentityResolver,
} from './src/identity-links.ts'
export type { ProtectedResourceMetadata } from './src/metadata/protected-resource.ts'
export { type ScopeGrant, scopeGrants } from './src/people/grants.ts'
export { peopleOptions } from './src/people/options.ts'
export {
  OPENID_PRINCIPALS,
  openIdPerson,
  type Person,
  type PersonFacts,
  type Principals,
  personWith,
} from './src/people/people.ts'
export { createProviderFetch } from './src/provider-fetch.ts'
export type { ProofReason, RefusalReason, TokenReason } from './src/reasons.ts'
export { resourceSpellings } from './src/resource.ts'
export type {
  AuthInfo,
  Confirmation,
  PresentationScheme,
  ServerMetadata,
  TokenSender,
  TokenValidator,
  ValidatedToken,
} from './src/token-validator.ts'
export type { OpaqueTokens } from './src/validators/routed.ts'
