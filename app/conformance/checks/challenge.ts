import { type Check, failed, passed, skipped } from '../check.ts'
import { mcp, rfc } from '../documents.ts'
import { answerOf, bare, challengeOf } from '../facts.ts'

/** What a request without a token is answered. */
export const challengeChecks: readonly Check[] = [
  {
    id: 'C01',
    title: 'A request without a token gets 401',
    level: 'MUST',
    source: mcp('Error Handling'),
    tier: 0,
    async run(target) {
      const found = await bare(target)
      return found.status === 401 ? passed() : failed(`${answerOf(found)} to a request without a token`, found)
    },
  },
  {
    id: 'C02',
    title: 'The 401 says how to authenticate, with WWW-Authenticate: Bearer or DPoP',
    level: 'MUST',
    source: rfc('RFC 6750', '3'),
    tier: 0,
    async run(target) {
      const found = await bare(target)
      if (found.status !== 401) return skipped('the server does not answer 401 (C01)')
      const field = found.headers.get('www-authenticate')
      if (field === null) return failed('there is no WWW-Authenticate header', found)
      return challengeOf(found) ? passed() : failed('WWW-Authenticate has no challenge for Bearer or DPoP', found)
    },
  },
]
