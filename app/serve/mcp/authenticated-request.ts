import type { ProtectedRequest } from 'idplug/node'

/** A request of somebody: the notes server lets nobody in anonymously. */
export type AuthenticatedRequest = ProtectedRequest & Required<Pick<ProtectedRequest, 'auth' | 'token'>>
