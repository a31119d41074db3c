import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { cookieName } from './mount.ts'
import type { StoreFactory } from './stores/store.ts'

/** What a person is asked to approve, as far as another request counts as the same. */
export interface Approvable {
  clientId: string
  /** Where the answer goes: scheme and host; on loopback without the port, which changes from one start to the next. */
  destination: string
  resource: string
  scopes: readonly string[]
}

/** Applications that a person does not want to be asked about again in this browser. */
export interface Approvals {
  /** @returns What was approved in this browser, where the person was asked for all of these scopes. */
  find(req: IncomingMessage, request: Approvable): Promise<Approval | undefined>
  remember(req: IncomingMessage, res: ServerResponse, approval: Approval, request: Approvable): Promise<void>
  forget(req: IncomingMessage, request: Approvable): Promise<void>
}

export interface Approval {
  subject: string
  /** Whether they want to stay signed in. */
  stay: boolean
  scopes: readonly string[]
  /** What was asked for as well, and not theirs to grant. Default: nothing. */
  beyond?: readonly string[]
}

/** @param seconds - How long an approval lasts. */
export function createApprovals(issuer: URL, stores: StoreFactory, seconds: number): Approvals {
  const approvals = stores('Approval')
  const secure = issuer.protocol === 'https:'
  const cookie = cookieName(issuer, secure ? '__Host-approvals' : 'approvals')
  const browserOf = (req: IncomingMessage) =>
    (req.headers.cookie ?? '')
      .split(';')
      .map(pair => pair.trim())
      .find(pair => pair.startsWith(`${cookie}=`))
      ?.slice(cookie.length + 1) || undefined

  return {
    async find(req, request) {
      const browser = browserOf(req)
      const approval = browser && (await approvals.get<Approval>(keyOf(browser, request)))
      const asked = approval && [...approval.scopes, ...(approval.beyond ?? [])]
      return asked && request.scopes.every(scope => asked.includes(scope)) ? approval : undefined
    },

    async remember(req, res, approval, request) {
      const browser = browserOf(req) ?? randomBytes(32).toString('base64url')
      const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}; Max-Age=${seconds}`
      res.appendHeader('set-cookie', `${cookie}=${browser}; ${attributes}`)
      await approvals.set(keyOf(browser, request), approval, seconds)
    },

    async forget(req, request) {
      const browser = browserOf(req)
      if (browser) await approvals.delete(keyOf(browser, request))
    },
  }
}

/** The store never holds what a browser would have to show. */
function keyOf(browser: string, { clientId, destination, resource }: Approvable): string {
  return createHash('sha256')
    .update(JSON.stringify([browser, clientId, destination, resource]))
    .digest('base64url')
}

/**
 * Whether the person opened this address, or a program on their computer did. False when a page or a redirect of another
 * site led here: that may be a hostile server that rides on an approval which was meant for somebody else.
 */
export function isOwnNavigation({ headers }: IncomingMessage): boolean {
  return headers['sec-fetch-site'] === 'none' || headers['sec-fetch-site'] === 'same-origin'
}
