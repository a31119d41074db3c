import { type Check, failed, passed } from '../../check.ts'
import { mcp, rfc } from '../../documents.ts'
import { answerOf } from '../../facts.ts'
import { eventually, isServed, minted, present, refusesAll, withIssuer } from '../../presenting.ts'

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
      const claims = (active: unknown) => ({ claims: { active } })
      return refusesAll(
        target,
        await minted(laboratory, {
          'a token that is not active': claims(false),
          'a token of which the issuer does not say whether it is active': claims(undefined),
          'a token that is active by text, not by value': claims('false'),
        }),
      )
    }, 'introspection'),
  },
  {
    id: 'V23',
    title: 'A token of which the issuer names no audience is refused',
    level: 'MUST',
    source: mcp('Token Handling'),
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
