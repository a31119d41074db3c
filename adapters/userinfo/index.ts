import { isAbsent } from '../../src/absent.ts'
import { defineAdapter } from '../../src/adapter.ts'
import { createCheckEndpointValidator } from '../../src/engines/check-endpoint.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { createDiscovery, issuerInForce } from '../../src/engines/discovery.ts'
import { refuseForeignToken } from '../../src/engines/foreign-token.ts'
import { issuerOptions } from '../../src/engines/issuer.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import { peopleOfTokens } from '../../src/people/people.ts'
import { clip } from '../../src/text.ts'
import { readUserInfo } from './answer.ts'
import { bindingRules } from './binding.ts'
import { mistakes, options } from './options.ts'
import { people } from './people.ts'
import { explain } from './refusals.ts'

/** Any OpenID provider with opaque access tokens and no introspection for this server: UserInfo says whose a token is (OpenID Connect Core §5.3). */
export const userinfo = defineAdapter({
  name: 'userinfo',
  title: 'The UserInfo endpoint',
  options,
  opaqueTokens: () => 'any',
  people: peopleOfTokens(people),
  mistakes,
  create(settings, context) {
    const place = issuerOptions(settings.metadataUrl, settings.issuer)
    const discovery = createDiscovery({ ...place, member: 'userinfo_endpoint' }, context)
    const issuer = issuerInForce(place.issuer, discovery)
    if (settings.dangerouslyAcceptTokensOfAnyClient) {
      const message = 'Tokens are accepted whichever app of the provider they were issued to.'
      context.observer?.warning?.(message, { dangerouslyAcceptTokensOfAnyClient: true })
    }
    return createCheckEndpointValidator(
      {
        ...bindingRules(settings),
        issuer,
        serverMetadata: () => discovery.get(),
        principalType: () => 'user',
        scopes: () => [], // granted by rule
        check: claims => refuseOtherIssuer(claims, issuer()),
        explain: reason => explain(reason, settings, context.variableOf),
        expiry: 'optional', // not among what UserInfo tells
        probe: 'idplug-warm-up',
        precheck: token => refuseForeignToken(token, [issuer()]),
        async request(token) {
          const url = settings.userInfoEndpoint ?? ((await discovery.get()).userinfo_endpoint as string)
          return { url, init: { headers: { accept: 'application/json', authorization: `Bearer ${token}` } } }
        },
        read: readUserInfo,
      },
      context,
    )
  },
})

/** Answers need not name the issuer; one that does must name this one. */
function refuseOtherIssuer({ iss }: Claims, issuer: string): void {
  if (isAbsent(iss) || iss === issuer) return
  throw new InvalidTokenError({ kind: 'issuer_mismatch', actual: clip(iss), expected: [issuer] })
}
