// What is listed here is public; everything else may change.

export { createResourceServer, type ResourceServerOptions } from './app/serve/http.ts'
export type { ProtectedEndpoint } from './app/serve/protected-route.ts'
export { createValidatorContext, type ValidatorContextOptions } from './auth/validator-context.ts'
export { type Adapter, type AdapterContext, defineAdapter } from './src/adapter.ts'
export {
  claimPath,
  flag,
  httpsUrl,
  isHostWithin,
  issuerAndMetadata,
  issuerOptions,
  providerOptions,
  secretName,
  textList,
  textListNonEmpty,
} from './src/adapter-options.ts'
export { requireScopes } from './src/bearer/assert-scopes.ts'
export {
  createGate,
  type Decision,
  type Gate,
  type GateOptions,
  type Presentation,
} from './src/bearer/authenticator.ts'
export { bearerToken, type CredentialSource } from './src/bearer/credentials.ts'
export { createProofCheck, type DpopOptions, type PresentedProof, type ProofCheck } from './src/bearer/dpop.ts'
export { createProofMemory, type ProofMemory } from './src/bearer/proof-memory.ts'
export { type ChallengeOptions, type Refusal, refusal } from './src/bearer/refusal.ts'
export { type ClaimOptions, claimMistakes, claimOptions, claimRules, subjectReason } from './src/claims/options.ts'
export type { UpstreamCall, ValidatorContext, ValidatorObserver } from './src/context.ts'
export { type BearerAuthOptions, bearerAuth } from './src/edges/express.ts'
export { type BearerFetchOptions, type BearerHandler, bearerFetch } from './src/edges/fetch.ts'
export { type CheckEndpointValidatorOptions, createCheckEndpointValidator } from './src/engines/check-endpoint.ts'
export type { AudienceRule, ClaimMapping, ClaimRules, Claims } from './src/engines/claim-judge.ts'
export { scopesFrom, scopesFromAll } from './src/engines/claim-judge.ts'
export type { IssuerChoice } from './src/engines/discovery.ts'
export {
  type ClientCredentials,
  createIntrospectionValidator,
  type IntrospectionValidatorOptions,
} from './src/engines/introspection.ts'
export { createJwtValidator, type IssuerRule, type JwtValidatorOptions } from './src/engines/jwt.ts'
export {
  AuthorizationError,
  ConfigError,
  type ConfigProblem,
  InsufficientScopeError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  MisconfigurationError,
  MissingTokenError,
  type ProofReason,
  type RefusalReason,
  type TokenReason,
  ValidatorUnavailableError,
} from './src/errors.ts'
export {
  createIdentityResolver,
  type Identity,
  type IdentityLink,
  type IdentityResolver,
} from './src/identity-links.ts'
export {
  type ProtectedResourceMetadata,
  type ProtectedResourceOptions,
  protectedResourceMetadata,
  protectedResourceMetadataUrl,
} from './src/metadata/protected-resource.ts'
export { resourceSpellings } from './src/resource.ts'
export type {
  Confirmation,
  PresentationScheme,
  TokenValidator,
  ValidatedToken,
  VerifiedAuthInfo,
} from './src/token-validator.ts'
export type { OpaqueTokens } from './src/validators/routed.ts'
