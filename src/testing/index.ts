// What is listed here is public; everything else may change. Needs no test runner.
export {
  createTestIssuer,
  type TestIssuer,
  type TestIssuerOptions,
  type TestTokenChanges,
} from './create-test-issuer.ts'
export { type JsonObject, signJwt } from './sign-jwt.ts'
