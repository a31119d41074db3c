import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BrowserBinding } from '../browser-binding.ts'
import { readForm, redirect, sendPage, targetOf } from '../http.ts'
import { mountOf } from '../mount.ts'
import { expiredPage, forgedFormPage } from '../pages/messages.ts'
import type { Purpose } from '../pages/purpose.ts'
import { signInPage } from '../pages/sign-in.ts'
import type { StoreFactory } from '../stores/store.ts'
import { userNamed } from '../users.ts'
import { LATE } from './failures.ts'
import type { SignedInUser, Upstream } from './upstream.ts'

export const FAKE_UPSTREAM_PATH = '/fakeupstreamauth/authorize'

const CODE_SECONDS = 60

/** An identity provider that believes everybody. It has a page of its own. */
export interface FakeUpstream extends Upstream {
  /**
   * Serves {@link FAKE_UPSTREAM_PATH}, GET and POST.
   *
   * @param purposeOf - What the person in this browser signs in for; nothing when that is over.
   */
  page(
    req: IncomingMessage,
    res: ServerResponse,
    purposeOf: (req: IncomingMessage, state: string) => Promise<Purpose | undefined>,
  ): Promise<void>
}

/** Who can sign in. */
export interface People {
  /** Offered on the page. */
  readonly users: readonly SignedInUser[]
  /** What somebody may grant who types a name of their own. */
  readonly guestScopes: readonly string[]
}

/** @param redirectUri - The one address that it sends anybody to. */
export function createFakeUpstream(
  issuer: string,
  redirectUri: string,
  { users, guestScopes }: People,
  stores: StoreFactory,
  binding: BrowserBinding,
): FakeUpstream {
  const codes = stores('UpstreamCode')

  return {
    name: 'the demo sign-in',

    async depart({ state }) {
      const url = new URL(mountOf(issuer) + FAKE_UPSTREAM_PATH, issuer)
      url.searchParams.set('state', state)
      return { url: url.href }
    },

    async identify(answer, { memory, keep }) {
      if (memory !== undefined) return { outcome: 'signed_in', user: memory as SignedInUser }
      const user = await codes.take<SignedInUser>(answer.get('code') ?? '')
      if (!user) return { outcome: 'nobody', reason: 'code_unknown', words: answer.has('code') ? LATE : undefined }
      await keep(user)
      return { outcome: 'signed_in', user }
    },

    async page(req, res, purposeOf) {
      const state = targetOf(req).query.get('state') ?? ''
      const browser = binding.read(req, state)
      const purpose = browser === undefined ? undefined : await purposeOf(req, state)
      if (!browser || !purpose) return sendPage(res, expiredPage(), 400)

      const action = `${FAKE_UPSTREAM_PATH}?${new URLSearchParams({ state })}`
      const show = (status: number, refused?: string) => {
        const formToken = binding.formToken(browser, state)
        sendPage(res, signInPage({ action, formToken, purpose, users, refused }), status)
      }
      if (req.method === 'GET') return show(200)

      const form = await readForm(req)
      if (!binding.isFormToken(form?.get('form_token'), browser, state)) {
        return sendPage(res, forgedFormPage(action), 403)
      }
      const typed = form?.get('user') ?? ''
      const user = userNamed(typed, users, guestScopes)
      if (!user) return show(422, typed)

      const code = randomBytes(32).toString('base64url')
      await codes.set(code, user, CODE_SECONDS)
      redirect(res, `${redirectUri}?${new URLSearchParams({ code, state })}`)
    },
  }
}
