// What is listed here is public; everything else may change. Needs vitest, which the package does not bring along.

export {
  type ContractSetup,
  describeTokenValidator,
  type GoodJwt,
  type JwtProvider,
  type OpaqueProvider,
  type RefusedChange,
  type RefusedToken,
} from './contract.ts'
export { type JsonObject, signJwt } from './sign-jwt.ts'
