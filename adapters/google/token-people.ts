import type { AdapterContext, LookUp, TokenPeople } from '../../src/adapter.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { createDiscovery } from '../../src/engines/discovery.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { askProvider, type ProviderAnswer, refusedRequest, throttled } from '../../src/engines/provider-request.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import { isEmailPrincipal, plainEmail } from '../../src/people/principals.ts'
import { clip } from '../../src/text.ts'
import { isServiceAccount, people } from './people.ts'
import { reasonOf } from './refusals.ts'

interface Options {
  readonly hostedDomains: readonly string[]
  readonly metadataUrl: string
}

/** Who stands behind an access token. tokeninfo says the address only; which Workspace domain answers for it is asked at UserInfo. */
export const tokenPeople: TokenPeople<Options> = {
  principals: people.principals,
  personOf: people.signIn.personOf,
  allow: ({ hostedDomains }) => hostedDomains.map(domain => `@${domain}`),
  lookUp({ metadataUrl }, context, principals) {
    return principals.some(isEmailPrincipal) ? lookUpDomain(metadataUrl, context) : undefined
  },
  refusal(_options, person, { claims }) {
    const { email, email_verified } = claims
    if (email === undefined || email === null) {
      return reasonOf(
        'email_missing',
        'Google does not say the e-mail address',
        'Request the scope email when signing in.',
      )
    }
    if (email_verified !== true || typeof email !== 'string' || plainEmail(email) === undefined) {
      return reasonOf(
        'email_unverified',
        'the e-mail address is not verified, or not a plain one',
        'Verify the address at Google.',
      )
    }
    const [domain] = person?.domains ?? []
    const where = domain === undefined ? 'in no Workspace domain' : `in ${clip(domain)}`
    return reasonOf(
      'domain_refused',
      `the user ${clip(person?.id)} is ${where}`,
      'Sign in with an account that GOOGLE_ALLOW or GOOGLE_HOSTED_DOMAINS names. A private account with an address of a domain is not an account of that domain.',
    )
  },
}

/** `hd`: https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload */
function lookUpDomain(metadataUrl: string, context: AdapterContext): LookUp {
  const discovery = createDiscovery({ ...issuerAndMetadata(metadataUrl), member: 'userinfo_endpoint' }, context)
  return async ({ subject, claims }, raw) => {
    if (isServiceAccount(claims)) return {}
    const { userinfo_endpoint } = await discovery.get()
    const url = userinfo_endpoint as string
    const init = { headers: { authorization: `Bearer ${raw}`, accept: 'application/json' } }
    return askProvider(context, { operation: 'check', url, init }, answer =>
      readUserInfo(answer, subject, context.now()),
    )
  }
}

/** 401 is its answer to tokens that were revoked since tokeninfo was asked. */
function readUserInfo(answer: ProviderAnswer, subject: string, now: number): Claims {
  const { status } = answer
  if (status === 401) throw new InvalidTokenError({ kind: 'inactive' })
  if (status === 403) throw throttled(answer, now)
  if (status !== 200) throw refusedRequest(answer)
  const { sub, hd } = answer.json()
  // OpenID Connect Core §5.3.2: without the same sub the answer is about somebody else.
  if (sub !== subject)
    throw new InvalidTokenError({ kind: 'claim_invalid', claim: 'sub', detail: 'not that of UserInfo' })
  return { hd }
}
