import Provider, { type KoaContextWithOIDC } from 'oidc-provider'
import { displayName } from './authorization-request.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { siteOf } from './mount.ts'
import { returnPage } from './pages/messages.ts'
import { answerFailure } from './provider-extensions.ts'
import type { StoreFactory } from './stores/store.ts'
import type { Seal } from './upstream/sealed.ts'

export interface LastStepOptions {
  stores: StoreFactory
  /**
   * Encrypts codes. Default: they are kept as they are in the memory of one process, and in no other store; there the step can be taken
   * once.
   */
  seal?: Seal
  /** How long a code lives. */
  seconds: number
}

/** Where a browser was sent with the answer of an authorization request. */
interface Ending {
  /** Redirect URI with the answer in it, sealed. */
  location: string
  clientName: string
}

const spending = 'spending'

/**
 * The step from the sign-in back to the application, by a page of ours. oidc-provider spends the request first, so whatever broke off after
 * that ended the sign-in. Here it is spent last: the browser can take the step again, and one that did not get the answer gets the same
 * code, unless that was used.
 *
 * To be called before anything else that answers for oidc-provider.
 */
export function repeatLastStep(provider: Provider, { stores, seal, seconds }: LastStepOptions): void {
  const endings = stores('SignInEnding')
  const { origin } = new URL(provider.issuer)
  const canRepeat = seal !== undefined || endings.isLocal
  spendLater(provider)

  provider.use(async (context, next) => {
    const ctx = context as KoaContextWithOIDC
    const uid = LAST_STEP.exec(ctx.path)?.[1]
    // Set for the browser that made the request, and for this path.
    if (uid === undefined || ctx.cookies.get(provider.cookieName('resume')) !== uid) return next()
    try {
      if (!(canRepeat && (await giveAgain(ctx, uid)))) await take(ctx, uid, next)
    } catch (error) {
      fail(ctx, error as Error)
    }
  })

  async function take(ctx: KoaContextWithOIDC, uid: string, next: () => Promise<unknown>): Promise<void> {
    const spend: (() => Promise<void>)[] = []
    if (canRepeat) ctx.state[spending] = spend
    await next()
    const location = ctx.response.get('location')
    const url = URL.parse(location)
    if (ctx.status === 503 || url?.searchParams.get('error') === 'temporarily_unavailable') {
      return fail(ctx, new TemporarilyUnavailable('a part of this server does not answer'))
    }
    if (ctx.status === 303 && url && url.origin !== origin) {
      const clientName = ctx.oidc.client ? displayName(ctx.oidc.client) : 'the application'
      if (!canRepeat) return leave(ctx, location, clientName)
      const ending: Ending = { location: seal ? seal.seal(location, uid) : location, clientName }
      // Of several at once, the browser gets the answer of the first, whichever of them it waits for.
      if (await endings.add(uid, ending, seconds)) leave(ctx, location, clientName)
      else await giveAgain(ctx, uid)
    } else if (canRepeat && ctx.status >= 400) await giveAgain(ctx, uid)
    // What stays leads to the answer above, and ends by itself.
    for (const each of spend) await each().catch(() => {})
  }

  async function giveAgain(ctx: KoaContextWithOIDC, uid: string): Promise<boolean> {
    const ending = await endings.get<Ending>(uid)
    const location = ending && (seal ? seal.open(ending.location, uid) : ending.location)
    if (location === undefined) return false
    const code = new URL(location).searchParams.get('code')
    if (code !== null) {
      const found = (await provider.AuthorizationCode.find(code)) as { consumed?: unknown } | undefined
      if (!found || found.consumed) return false
    }
    leave(ctx, location, ending?.clientName ?? '')
    return true
  }

  /** The browser keeps what it needs to try again. */
  function fail(ctx: KoaContextWithOIDC, error: Error): void {
    for (const header of ['location', 'set-cookie']) ctx.remove(header)
    answerFailure(ctx, error, provider)
  }
}

const LAST_STEP = /^\/oauth\/authorize\/([\w-]{1,64})$/

function spendLater({ Interaction }: Provider): void {
  const { destroy } = Interaction.prototype
  Interaction.prototype.destroy = async function () {
    const spend: (() => Promise<void>)[] | undefined = Provider.ctx?.state[spending]
    if (spend) spend.push(() => destroy.call(this))
    else await destroy.call(this)
  }
}

function leave(ctx: KoaContextWithOIDC, location: string, clientName: string): void {
  ctx.remove('location')
  ctx.status = 200
  ctx.type = 'html'
  ctx.body = returnPage(location, clientName, new URL(location).searchParams.has('code')).render(siteOf(ctx.req))
}
