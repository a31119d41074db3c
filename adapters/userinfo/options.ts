import { z } from 'zod'
import { flag, providerOptions, providerUrl, textListNonEmpty } from '../../src/adapter-options.ts'
import { claimMistakes, claimOptions } from '../../src/claims/options.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { issuerSettings } from '../../src/engines/issuer-options.ts'
import { scopeGrants } from '../../src/people/grants.ts'
import { peopleOptions } from '../../src/people/options.ts'
import { isEmailPrincipal } from '../../src/people/principals.ts'
import { bindingMistakes } from './binding.ts'
import { people } from './people.ts'

const { principals } = people

const known = () => {
  const { allow, groupsClaim, rolesClaim } = peopleOptions(principals).shape
  const { clientIds, clientIdClaim, defaultClientId } = claimOptions.shape
  return providerOptions.omit({ scopePrefix: true, scopeNames: true }).extend({
    adapter: z.literal('userinfo'),
    issuer: issuerSettings.shape.issuer,
    userInfoEndpoint: providerUrl
      .optional()
      .describe('Where tokens are shown. Default: userinfo_endpoint of the metadata.'),
    clientIds: clientIds.describe('Clients whose tokens are accepted. UserInfo has to name the client of the token.'),
    clientIdClaim: clientIdClaim.describe(
      'Member of the answer with the id of the client that the token was issued to. Default: client_id, else azp, else an aud of one value.',
    ),
    audience: textListNonEmpty
      .optional()
      .describe('Accepted aud values. UserInfo has to answer with aud, which most providers do not.'),
    dangerouslyAcceptTokensOfAnyClient: flag
      .default(false)
      .describe(
        'Accepts tokens that the provider issued to any of its apps, because its UserInfo names neither client nor audience. Whoever runs such an app can use the tokens of its users here.',
      ),
    defaultClientId: defaultClientId.describe(
      'Client id of accepted tokens where UserInfo does not name the client, or any client is accepted. Default: such tokens are refused; any-client where any client is accepted.',
    ),
    allow,
    grants: scopeGrants(principals.pattern, principals.hint).describe(
      'Who has which scopes of this server. UserInfo does not tell scopes.',
    ),
    groupsClaim,
    rolesClaim,
    wireScopes: textListNonEmpty
      .default(['openid'])
      .describe('Scopes of the provider that clients request. Rules by address need email among them.'),
  })
}

export const options = () =>
  known().refine(
    ({ clientIds, audience, dangerouslyAcceptTokensOfAnyClient }) =>
      clientIds !== undefined || audience !== undefined || dangerouslyAcceptTokensOfAnyClient,
    {
      path: ['clientIds'],
      error:
        'must list the clients whose tokens are accepted, unless audience (USERINFO_AUDIENCE) is set: UserInfo answers alike about the tokens of every app of the provider. Where its answers name neither, dangerouslyAcceptTokensOfAnyClient (USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT=true) accepts the tokens of every app',
      when: () => true, // together with what else is missing
    },
  )

/** What of the options cannot work; see `Adapter.mistakes`. */
export function mistakes(settings: z.output<ReturnType<typeof known>>): { [option in keyof typeof settings]?: string } {
  const { metadataUrl, issuer, userInfoEndpoint, wireScopes, allow, grants } = settings
  const rules = { ...settings, subjectClaim: 'sub', tokensWithoutSubject: 'refuse' } as const
  const isDocument = issuerAndMetadata(metadataUrl).metadataUrl !== undefined
  const byAddress = [...allow, ...grants.flatMap(({ to }) => to)].some(isEmailPrincipal)
  const wrongClaim = claimMistakes(rules).clientIdClaim
  return {
    ...bindingMistakes(settings),
    ...(wrongClaim && { clientIdClaim: wrongClaim }),
    ...(userInfoEndpoint !== undefined && issuer === undefined && isDocument
      ? {
          issuer:
            'is needed beside userInfoEndpoint: the metadata is not read then, and its URL does not tell whether the issuer ends in a slash',
        }
      : {}),
    ...(byAddress && !wireScopes.includes('email')
      ? { wireScopes: 'must hold email: rules go by address, and UserInfo tells it for that scope' }
      : {}),
    ...(wireScopes.includes('openid')
      ? {}
      : { wireScopes: 'must hold openid: UserInfo answers about tokens with that scope only' }),
  }
}
