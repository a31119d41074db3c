import { randomBytes } from 'node:crypto'
import { type Check, failed, passed } from '../check.ts'
import { rfc } from '../documents.ts'
import { answerOf, isServed } from '../facts.ts'
import { unsignedToken } from '../issuer/tokens.ts'
import { present, question, withGood, withIssuer } from '../presenting.ts'

const GARBAGE = 1000
/** In each minute that it takes. */
const MAX_FETCHES = 20
const MAX_SECONDS = 120
/** Requests without a token, whose time says how fast the server is at all. */
const PLAIN = 30
/** How many times as long as one of those a made-up token may take. */
const MAX_RATIO = 5

/** What needs a good token, or the server's issuer, among the checks of malformed credentials. */
export const malformedTokenChecks: readonly Check[] = [
  {
    id: 'B06',
    title: 'The scheme is read in any case: bEaReR',
    level: 'MUST',
    source: rfc('RFC 9110', '11.1', 'It uses a case-insensitive token to identify the authentication scheme'),
    tier: 1,
    needs: ['token'],
    run: withGood(async target => {
      const { message } = await question(target)
      for (const scheme of ['bEaReR', 'BEARER', 'bearer']) {
        const found = await target.call(message, { authorization: `${scheme} ${target.tokens.token}` })
        if (!isServed(found)) return failed(`${answerOf(found)} to a good token with the scheme ${scheme}`, found)
      }
      return passed()
    }),
  },
  {
    id: 'B11',
    title: `${GARBAGE} made-up tokens are refused, cost the issuer little, and keep nobody waiting`,
    level: 'practice',
    source: rfc('RFC 6750', '5.2'),
    tier: 2,
    needs: ['issuer', 'own'],
    run: withIssuer(async (target, { issuer }) => {
      const asked = () => issuer.received('jwks') + issuer.received('introspection')
      const before = asked()
      const { message } = await question(target)
      const plain = performance.now()
      await Promise.all(Array.from({ length: PLAIN }, () => target.call(message)))
      const plainMilliseconds = performance.now() - plain
      const started = performance.now()
      const tokens = Array.from({ length: GARBAGE }, (_, i) => {
        const random = randomBytes(24).toString('base64url')
        return i % 2 === 0
          ? random
          : `${unsignedToken('RS256', issuer.claims({ jti: random }), { kid: issuer.key.id })}${random}`
      })
      const answers = await Promise.all(tokens.map(token => target.call(message, { authorization: `Bearer ${token}` })))
      const other = answers.find(({ status }) => status !== 401)
      if (other) return failed(`${answerOf(other)} to one of ${GARBAGE} made-up tokens`, other)
      const seconds = Math.round((performance.now() - started) / 1000)
      const isSlow = seconds * 1000 > (plainMilliseconds / PLAIN) * GARBAGE * MAX_RATIO
      if (seconds > MAX_SECONDS && isSlow) {
        return failed(`it takes ${seconds} seconds to refuse ${GARBAGE} made-up tokens`)
      }
      const calls = asked() - before
      const most = issuer.mode === 'jwt' ? MAX_FETCHES * Math.max(1, seconds / 60) : GARBAGE
      if (calls > most) return failed(`${GARBAGE} made-up tokens caused ${calls} calls to the issuer`)
      const after = await present(target, await issuer.token(), 'a good token')
      if (!isServed(after)) return failed(`${answerOf(after)} to a good token after ${GARBAGE} made-up ones`, after)
      return passed(issuer.mode === 'jwt' ? undefined : `the issuer was asked about ${calls} of them`)
    }),
  },
]
