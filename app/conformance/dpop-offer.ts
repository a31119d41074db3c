import { protectedResourceMetadataUrl } from 'idplug/internal'
import { parameterOf, parseChallenges } from './challenge.ts'
import { bare, challenge } from './facts.ts'
import { remembered, type Target } from './target.ts'

/** What the server says about DPoP: metadata, or its challenge. */
export const dpopOffer = remembered(async (target: Target) => {
  const url = parameterOf(await challenge(target), 'resource_metadata') ?? protectedResourceMetadataUrl(target.url)
  const { json = {} } = await target.send({ method: 'GET', url })
  const { challenges } = parseChallenges((await bare(target)).headers.get('www-authenticate') ?? '')
  const isRequired = json.dpop_bound_access_tokens_required === true
  const challenged = challenges.find(({ scheme }) => scheme === 'dpop')
  const isOffered = isRequired || Array.isArray(json.dpop_signing_alg_values_supported) || challenged !== undefined
  return { isRequired, isOffered, challenged, takesBearer: challenges.some(({ scheme }) => scheme === 'bearer') }
})
