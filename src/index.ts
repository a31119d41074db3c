// What is listed here is public; everything else may change.
export { type Adapter, type AdapterContext, defineAdapter } from './adapter.ts'
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
} from './adapter-options.ts'
export { bearerToken, type CredentialSource } from './bearer/bearer.ts'
export { createProofCheck, type DpopOptions, type PresentedProof, type ProofCheck } from './bearer/dpop.ts'
export { type BearerAuthOptions, bearerAuth } from './bearer/express.ts'
export { type BearerFetchOptions, type BearerHandler, bearerFetch } from './bearer/fetch.ts'
export { createGate, type Decision, type Gate, type GateOptions, type Presentation } from './bearer/gate.ts'
export { createProofMemory, type ProofMemory } from './bearer/proof-memory.ts'
export { type ChallengeOptions, type Refusal, refusal } from './bearer/refusal.ts'
export { requireScopes } from './bearer/scopes.ts'
export { type ClaimOptions, claimMistakes, claimOptions, claimRules, subjectReason } from './claim-options.ts'
export type { UpstreamCall, ValidatorContext, ValidatorObserver } from './context.ts'
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
} from './errors.ts'
export type { ProtectedEndpoint } from './http/protected-route.ts'
export { createResourceServer, type ResourceServerOptions } from './http/resource-server.ts'
export { createIdentityResolver, type Identity, type IdentityLink, type IdentityResolver } from './identity-links.ts'
export {
  type ProtectedResourceMetadata,
  type ProtectedResourceOptions,
  protectedResourceMetadata,
  protectedResourceMetadataUrl,
} from './metadata/protected-resource.ts'
export { resourceSpellings } from './resource.ts'
export type {
  Confirmation,
  PresentationScheme,
  TokenValidator,
  ValidatedToken,
  VerifiedAuthInfo,
} from './token-validator.ts'
export { createValidatorContext, type ValidatorContextOptions } from './validator-context.ts'
export { type CheckEndpointValidatorOptions, createCheckEndpointValidator } from './validators/check-endpoint.ts'
export type { AudienceRule, ClaimMapping, ClaimRules, Claims } from './validators/claims.ts'
export { scopesFrom, scopesFromAll } from './validators/claims.ts'
export type { IssuerChoice } from './validators/discovery.ts'
export {
  type ClientCredentials,
  createIntrospectionValidator,
  type IntrospectionValidatorOptions,
} from './validators/introspection.ts'
export { createJwtValidator, type IssuerRule, type JwtValidatorOptions } from './validators/jwt.ts'
export type { OpaqueTokens } from './validators/routed.ts'
