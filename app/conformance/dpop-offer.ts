import { parseChallenges } from './challenge.ts'
import { bare, metadata } from './facts.ts'
import { remembered, type Target } from './target.ts'

/** What the server says about DPoP: metadata, or its challenge. */
export const dpopOffer = remembered(async (target: Target) => {
  const { document = {} } = (await metadata(target)) ?? {}
  const { challenges } = parseChallenges((await bare(target)).headers.get('www-authenticate') ?? '')
  const isRequired = document.dpop_bound_access_tokens_required === true
  const challenged = challenges.find(({ scheme }) => scheme === 'dpop')
  const isOffered = isRequired || Array.isArray(document.dpop_signing_alg_values_supported) || challenged !== undefined
  return { isRequired, isOffered, challenged, takesBearer: challenges.some(({ scheme }) => scheme === 'bearer') }
})
