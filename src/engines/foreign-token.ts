import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'
import { issuerOf, sameButSlash } from '../validators/routed.ts'

/**
 * Refuses a token that says itself that it is another issuer's, so that a provider is never shown the tokens of another: a JWT by its
 * `iss`, an encrypted one by that of its header. Opaque tokens say nothing, and pass. A slash at the end counts for nothing here: the
 * provider's own spelling may not be known yet.
 *
 * @param issuers - Whose tokens may be shown.
 * @throws {InvalidTokenError}
 */
export function refuseForeignToken(token: string, issuers: readonly string[]): void {
  const issuer = issuerOf(token)
  if (issuer === undefined || issuers.some(known => sameButSlash(known, issuer))) return
  throw new InvalidTokenError({ kind: 'issuer_mismatch', actual: clip(issuer), expected: issuers })
}
