import type { Claims } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'

/** Nobody is asked about a JWT: its `iat` tells whether it is one of those that were revoked. */
export function refuseBefore(time: string): (claims: Claims) => void {
  return ({ iat }) => {
    if (typeof iat !== 'number') throw new InvalidTokenError({ kind: 'claim_missing', claim: 'iat' })
    if (iat * 1000 >= Date.parse(time)) return
    throw new InvalidTokenError({
      kind: 'demo.revoked',
      detail: `issued before ${time}, and everything from before that is revoked`,
      cure: 'Sign in again. The operator has set REVOKE_BEFORE to that time.',
    })
  }
}
