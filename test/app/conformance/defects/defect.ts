import type { Members } from '../plain-issuer.ts'
import type { Answer } from '../server/message.ts'
import type { Parts } from '../server/parts.ts'
import type { Plant } from '../server/server.ts'

/** One mistake in a server that is honest otherwise. */
export interface Defect {
  /** Check that has to find it. */
  readonly id: string
  /** In what way; absent where there is but one. */
  readonly way?: string
  readonly plant?: Plant
  /** What the authorization server publishes otherwise. */
  readonly issuer?: (metadata: Members) => Members | undefined
  /** A good token is needed to see it. */
  readonly token?: true
  /** A warning, even where the check comes from a MUST. */
  readonly mild?: true
}

/** Changes answers on their way out. */
export function finishing(change: (answer: Answer, request: Parameters<Parts['finish']>[1]) => Answer): Plant {
  return parts => ({ ...parts, finish: (answer, request) => change(parts.finish(answer, request), request) })
}

/** Changes refusals of a status. */
export const refusing = (status: number, change: (answer: Answer) => Answer): Plant =>
  finishing(answer => (answer.status === status ? change(answer) : answer))

/** Changes what the challenge says. */
export const challenging = (change: (field: string) => string): Plant =>
  finishing(answer => {
    const field = answer.headers['www-authenticate']
    return field === undefined
      ? answer
      : { ...answer, headers: { ...answer.headers, 'www-authenticate': change(String(field)) } }
  })

/** Changes members of the metadata. */
export const publishing =
  (change: (metadata: Members) => Members): Plant =>
  parts => ({
    ...parts,
    metadata: () => change(parts.metadata()),
  })

/** Changes answers at the metadata's own URLs. */
export const describing = (change: (answer: Answer, path: string) => Answer): Plant =>
  finishing((answer, { url: { pathname } }) =>
    pathname.startsWith('/.well-known/') ? change(answer, pathname) : answer,
  )
