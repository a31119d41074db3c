// The lower layer: sign-in from any validator, without settings, adapters or a schema library.
export type {
  Access,
  Answer,
  Auth,
  AuthObserver,
  BodyProblem,
  Decision,
  Operation,
  Refused,
  RequestHead,
  ScopeChallengeHandler,
} from '../src/auth.ts'
export { createProofCheck, type DpopOptions, type ProofCheck } from '../src/bearer/dpop.ts'
export { createProofMemory, type ProofMemory } from '../src/bearer/proof-memory.ts'
export { ConfigError, type ConfigProblem } from '../src/config-error.ts'
export type { ValidatorContext, ValidatorObserver } from '../src/context.ts'
export type { AudienceRule, ClaimMapping, ClaimRules, Claims } from '../src/engines/claim-judge.ts'
export type { IssuerChoice } from '../src/engines/discovery.ts'
export {
  type ClientCredentials,
  createIntrospectionValidator,
  type IntrospectionValidatorOptions,
} from '../src/engines/introspection.ts'
export { createJwtValidator, type IssuerRule, type JwtValidatorOptions } from '../src/engines/jwt.ts'
export {
  AuthorizationError,
  InvalidTokenError,
  MisconfigurationError,
  ValidatorUnavailableError,
} from '../src/errors.ts'
export type { ProtectedResourceMetadata } from '../src/metadata/protected-resource.ts'
export type { RefusalReason } from '../src/reasons.ts'
export type { AuthInfo, ServerMetadata, TokenValidator, ValidatedToken } from '../src/token-validator.ts'
export {
  createTenantValidator,
  type TenantLookUp,
  type TenantOptions,
  type TenantValidator,
} from '../src/validators/tenants.ts'
export { type AuthFromOptions, authFrom } from './auth-from.ts'
export type { AccessRules, ResourceDeclaration } from './declaration.ts'
