import { type Check, failed, passed } from '../../check.ts'
import { ownAudience, rfc } from '../../documents.ts'
import { answerOf, isServed } from '../../facts.ts'
import { eventually, minted, present, refusesAll, withIssuer } from '../../presenting.ts'

/** What the issuer answers when it is asked about a token. */
export const introspectionChecks: readonly Check[] = [
  {
    id: 'V21',
    title: 'A token that was revoked is refused soon',
    level: 'SHOULD',
    source: rfc('RFC 7662', '4'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const { issuer } = laboratory
      const token = await issuer.token()
      const ask = () => present(target, token, 'a token that was revoked')
      const before = await ask()
      if (!isServed(before)) return failed(`${answerOf(before)} to a good token`, before)
      issuer.revoke(token)
      const { found, seconds, isThere } = await eventually(laboratory, ask, ({ status }) => status === 401)
      return isThere ? passed(`after ${seconds} seconds`) : failed(`${answerOf(found)} after ${seconds} seconds`, found)
    }, 'introspection'),
  },
  {
    id: 'V22',
    title: 'A token that the issuer says is not active is refused, whatever else it says',
    level: 'MUST',
    source: rfc('RFC 7662', '2.2'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const { issuer } = laboratory
      const inactive = await minted(laboratory, { 'a token that is not active': { claims: { active: false } } })
      const refused = await refusesAll(target, inactive)
      if (refused.kind !== 'passed') return refused
      // An answer that breaks RFC 7662 may also count as none (503).
      for (const active of [undefined, 'false']) {
        const token = await issuer.token({ claims: { active } })
        const found = await present(target, token, 'a token that nobody says is active')
        if (isServed(found)) return failed(`accepts a token whose active is ${active ?? 'missing'}`, found)
      }
      await eventually(laboratory, async () => present(target, await issuer.token(), 'a good token'), isServed)
      return passed()
    }, 'introspection'),
  },
  {
    id: 'V23',
    title: 'A token of which the issuer names no audience is refused',
    level: 'MUST',
    source: ownAudience,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(
      async (target, laboratory) =>
        refusesAll(
          target,
          await minted(laboratory, {
            'a token without aud': { claims: { aud: undefined } },
            'a token whose aud is an empty list': { claims: { aud: [] } },
          }),
        ),
      'introspection',
    ),
  },
]
