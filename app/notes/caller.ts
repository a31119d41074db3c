import type { Identity, ValidatedToken } from 'idplug'

/** Who a handler serves. Handlers run behind `protect` only, so there always is somebody. */
export interface Caller {
  readonly token: ValidatedToken
  /** Under which identity their notes are kept. */
  readonly owner: Identity
}

export function callerOf(authInfo: { extra?: Record<string, unknown> } | undefined): Caller {
  const { token, identity } = (authInfo?.extra ?? {}) as { token?: ValidatedToken; identity?: Identity }
  if (!token) throw new Error('A request reached a handler without authentication')
  return { token, owner: identity ?? token }
}
