import { settingNamed, type VariableOf } from '../../src/claims/cures.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import type { BindingOptions } from './binding.ts'

/** The provider knows the token, and answers about tokens with `openid` only (OpenID Connect Core §5.3). */
export function scopeMissing(): InvalidTokenError {
  return new InvalidTokenError({
    kind: 'userinfo.scope_missing',
    detail: 'the token lacks a scope that UserInfo demands',
    cure: 'Have the client request openid, and sign in again.',
  })
}

/** A reason with the setting that cures it; `undefined` for those that have no cure here. */
export function explain(
  reason: TokenReason,
  { clientIdClaim = 'client_id', clientIds }: Pick<BindingOptions, 'clientIdClaim' | 'clientIds'>,
  variables: string | VariableOf = 'USERINFO',
): TokenReason | undefined {
  const setting = (option: string) => settingNamed(option, variables)
  if (reason.kind === 'audience_missing') {
    return {
      kind: 'userinfo.audience_missing',
      detail: 'UserInfo names no audience',
      cure: `have the provider put aud into its UserInfo answers, or bind tokens by their client: ${setting('clientIds')}`,
    }
  }
  if (reason.kind === 'subject_missing') {
    return { ...reason, cure: 'have the provider answer with sub, which OpenID Connect Core §5.3.2 requires' }
  }
  if (reason.kind !== 'claim_missing' || reason.claim !== 'client_id') return undefined
  const byAudience = clientIds ? '' : `; or name a client for all tokens of the audience: ${setting('defaultClientId')}`
  return {
    ...reason,
    cure: `have the provider put ${clientIdClaim} into its UserInfo answers, or set ${setting('clientIdClaim')} to the member that names the client${byAudience}`,
  }
}
