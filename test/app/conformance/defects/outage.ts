import { decodeJwt } from 'jose'
import { isRefusal, type Refusal } from '../server/message.ts'
import type { Claims } from '../server/tokens.ts'
import { finishing, refusing } from './defect.ts'
import { judging, type TokenDefect } from './token-defect.ts'

const invalid: Refusal = { status: 401, error: 'invalid_token', description: 'The token is not good.' }
const away: Refusal = { status: 503, description: 'The authorization server does not answer.' }
const to401 = judging(honest => ({
  async read(token) {
    const claims = await honest.read.call(this, token)
    return isRefusal(claims) && claims.status >= 500 ? invalid : claims
  },
}))

/** Mistakes while the issuer is away. */
export const outageDefects: readonly TokenDefect[] = [
  {
    id: 'O01',
    way: 'the keys are fetched for each token',
    plant: judging(honest => ({
      async read(token) {
        const response = await fetch(honest.trust.jwksUri).catch(() => undefined)
        return response?.ok ? honest.read.call(this, token) : away
      },
    })),
    also: ['O05', 'O07'],
  },
  { id: 'O02', way: 'no keys, so the token is bad', plant: to401, also: ['O07'] },
  {
    id: 'O02',
    way: 'no Retry-After',
    plant: refusing(503, ({ headers: { 'retry-after': _, ...headers }, ...answer }) => ({ ...answer, headers })),
  },
  { id: 'O03', way: 'no answer, so the token is bad', mode: 'introspection', plant: to401, also: ['O04', 'O07'] },
  {
    id: 'O03',
    way: 'an outage is a bug',
    mode: 'introspection',
    plant: refusing(503, answer => ({ ...answer, status: 500 })),
    also: ['O07'],
  },
  {
    id: 'O04',
    way: 'our credentials are wrong, so the token is bad',
    mode: 'introspection',
    plant: refusing(500, answer => ({ ...answer, status: 401 })),
  },
  {
    id: 'O05',
    way: 'fails open: whoever cannot be asked about is let in',
    plant: judging(honest => ({
      async read(token) {
        const claims = await honest.read.call(this, token)
        return isRefusal(claims) && claims.status === 503 ? (decodeJwt(token) as Claims) : claims
      },
    })),
    also: ['O02', 'O07'],
  },
  {
    id: 'O05',
    way: 'fails open where nobody answers',
    mode: 'introspection',
    plant: judging(honest => ({
      async read(token) {
        const claims = await honest.read.call(this, token)
        if (!isRefusal(claims) || claims.status !== 503) return claims
        return { iss: honest.trust.issuer, aud: honest.resource, sub: 'unknown', scope: 'files:read' }
      },
    })),
    also: ['O03', 'O07'],
  },
  {
    id: 'O06',
    way: 'after an outage it stays away until it is restarted',
    plant: judging(honest => {
      let isAway = false
      return {
        async read(token) {
          const claims = isAway ? away : await honest.read.call(this, token)
          isAway ||= isRefusal(claims) && claims.status === 503
          return claims
        },
      }
    }),
    also: ['O02', 'O07'],
  },
  {
    id: 'O07',
    way: 'waits for the keys as long as it takes',
    plant: judging(honest => {
      let busy = Promise.resolve<unknown>(undefined)
      return {
        async read(token) {
          await busy
          const reading = fetch(honest.trust.jwksUri).catch(() => undefined)
          busy = reading
          await reading
          return honest.read.call(this, token)
        },
      }
    }),
  },
  {
    id: 'O07',
    way: 'gives up on the token',
    mode: 'introspection',
    plant: finishing(answer => (answer.status === 503 ? { ...answer, status: 401 } : answer)),
    also: ['O03'],
  },
]
