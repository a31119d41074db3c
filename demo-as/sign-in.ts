import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { type Approvals, isOwnNavigation } from './approvals.ts'
import type { Log } from './audit.ts'
import {
  type AuthorizationRequest,
  approvableOf,
  describeRequest,
  findRequest,
  grantable,
  isGrantable,
  offered,
  purposeOf,
  resourceScopesOf,
  resume,
  scopesOf,
  type WaitingRequest,
  waitingRequest,
  wantsConsent,
} from './authorization-request.ts'
import { type BrowserBinding, isSame } from './browser-binding.ts'
import type { ClientKinds } from './clients/client-kinds.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { createFirstSteps, type Place } from './first-steps.ts'
import { readForm, redirect, sendPage, targetOf } from './http.ts'
import { insist } from './insist.ts'
import { createLocks } from './locks.ts'
import { consentPage, type Stay, type Ticked } from './pages/consent.ts'
import type { Html } from './pages/html.ts'
import { expiredPage, forgedFormPage, onwardPage } from './pages/messages.ts'
import type { Purpose } from './pages/purpose.ts'
import { type Refused, refusal } from './pages/refusal.ts'
import type { Resources } from './resources.ts'
import { canStay, refuseToStay } from './staying.ts'
import type { StoreFactory } from './stores/store.ts'
import { answerOf, CONSEQUENCES } from './upstream/no-answer.ts'
import type { UpstreamSessions } from './upstream/sessions.ts'
import { type Keep, type SignedInUser, type Upstream, UpstreamError } from './upstream/upstream.ts'

/** Where the fake upstream sends the browser back to; a real one to {@link BRIDGE_CALLBACK_PATH}. */
export const CALLBACK_PATH = '/fakeupstreamauth/callback'
/** Has to be registered at the real upstream. */
export const BRIDGE_CALLBACK_PATH = '/oauth/callback'
export const CONSENT_PATH = '/oauth/consent'

/** A sign-in as it begins. */
interface Begun {
  /** The authorization request that waits. */
  interaction: WaitingRequest
  browser: string
  /** The person came here by themselves, so that an earlier approval may count. */
  ownNavigation: boolean
  /** The person is not, or does not want to be, whom the upstream took them for. */
  another?: boolean
}

/** In place of a sign-in that has ended. */
interface Over {
  over: true
}

/** A sign-in on its way to both: a person and their consent. */
interface Pending extends Begun {
  consent?: Consent
  user?: SignedInUser
  /** Of the upstream, about this sign-in, sealed. */
  memory?: string
  /** What the upstream needs later, sealed. */
  session?: string
}

/** What came so far of a step, and of what the browser came with. */
interface Progress {
  browser: string
  /** Of the upstream, in place of {@link Pending.memory}. */
  memory?: string
  /** Where the step led. A browser that did not get the answer gets it now. */
  next?: string
}

/** One browser at one step. */
interface Visit {
  req: IncomingMessage
  res: ServerResponse
  step: string
  place: Place
  /** Name of the step with all that the browser came with. */
  name: string
}

/** Where a step leads. Nothing, where the browser has got its answer. */
interface Outcome {
  next: string
  /** The sign-in has ended. Default false. */
  isOver?: boolean
}

/** Somebody who has been at the upstream. */
interface Arrived extends Pending {
  user: SignedInUser
}

/** Given before it was known by whom. */
interface Consent {
  /** Subject of the one whose earlier approval it is; without it, the person was just asked, or nobody has to be. */
  approvedBy?: string
  /** The scopes that the person left ticked. Default: all that were asked for. */
  scopes?: readonly string[]
  /** Whether the person wants to stay signed in. Default: they do. */
  stay?: boolean
  /** The person does not want to be asked again. */
  remember?: boolean
}

export interface SignInOptions {
  provider: Provider
  upstream: Upstream
  sessions: UpstreamSessions
  /** Whether a person is asked before they are sent to the upstream, and not after. */
  consentFirst: boolean
  approvals: Approvals
  resources: Resources
  clientKinds: ClientKinds
  stores: StoreFactory
  binding: BrowserBinding
  /** Secret that all processes share. */
  stepKey: string
  redirectUri: string
  /** How long a person may take for each of the pages, in seconds. */
  pageSeconds: number
  /** How long users are remembered after they signed in, in seconds. */
  accountSeconds: number
  /** How long applications can keep people signed in. */
  stay: Stay
  log: Log
}

/**
 * What happens between an authorization request and its answer: upstream and consent, in either order. Each step is tied to
 * the browser that made the one before, and ends by itself. The first can be taken until the sign-in is over, the others once. A step that
 * broke off, in whichever process, is taken again from where it was; and to the same request of the same browser there is the same answer.
 */
export interface SignIn {
  /**
   * Stores nothing unless the person has approved the client in this browser before.
   *
   * @returns Address to send the browser to.
   */
  begin(req: IncomingMessage, res: ServerResponse, interaction: AuthorizationRequest['interaction']): Promise<string>
  /** Serves {@link CALLBACK_PATH} or {@link BRIDGE_CALLBACK_PATH}. */
  callback(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Serves {@link CONSENT_PATH}, GET and POST. */
  consent(req: IncomingMessage, res: ServerResponse): Promise<void>
  /**
   * What the person in this browser is about to sign in for.
   *
   * @param state - Of the way to the upstream.
   * @returns `undefined` when the sign-in is over.
   */
  purpose(req: IncomingMessage, state: string): Promise<Purpose | undefined>
  account(subject: string): Promise<SignedInUser | undefined>
}

export function createSignIn(options: SignInOptions): SignIn {
  const { provider, upstream, sessions, stores, binding, redirectUri, pageSeconds, log } = options
  const { consentFirst, approvals } = options
  /** Sign-ins in which somebody did something, by their names, for whoever goes back to a step that was taken. */
  const begun = stores('BegunSignIn')
  const firstSteps = createFirstSteps<Begun>(options.stepKey)
  const signIns = stores('SignIn')
  const consents = stores('Consent')
  const waiting = { upstream: signIns, consent: consents }
  const progress = stores('SignInProgress')
  const locks = createLocks(stores('SignInLock'))
  const accounts = stores('Account')

  return {
    async begin(req, res, interaction) {
      const { browser, signIn } = binding.begin(req, res)
      const pending: Begun = {
        interaction: waitingRequest(interaction),
        browser,
        ownNavigation: isOwnNavigation(req),
      }
      try {
        return await start(req, signIn, pending)
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        // Goes to the client as temporarily_unavailable (RFC 6749 §4.1.2.1).
        const { event, description } = CONSEQUENCES[error.outcome]
        log(event, { reason: error.message })
        throw new TemporarilyUnavailable(description, error.message)
      }
    },

    async callback(req, res) {
      const { query } = targetOf(req)
      const step = query.get('state') ?? ''
      const visit = visitOf(req, res, 'upstream', step, query)
      await takeStep(visit, async (pending, known, keep) => {
        const identified = await answerOf(keep, async keep => {
          const memory = known === undefined ? undefined : sessions.unpack(known)
          return upstream.identify(query, { state: step, redirectUri, memory, keep })
        })
        if (identified.outcome !== 'signed_in') return refuse(res, identified, step, pending)
        const request = await findRequest(options, pending.interaction)
        if (!request) return void sendPage(res, expiredPage(), 400)

        const { user } = identified
        const session = identified.session === undefined ? undefined : sessions.pack(identified.session)
        await accounts.set(user.subject, user, options.accountSeconds)
        log('signed_in', { subject: user.subject, clientId: request.client.clientId })
        const arrived: Arrived = { ...pending, memory: undefined, user, session }
        const consent = await consentOf(req, arrived, request)
        if (consent) return allow(visit, arrived, request, consent)
        return { next: await ask(binding.next(step), { ...arrived, consent: undefined }) }
      })
    },

    async consent(req, res) {
      const { query } = targetOf(req)
      const step = query.get('id') ?? ''
      if (req.method === 'GET') {
        const pending = await ofThisBrowser(req, 'consent', step)
        if (!pending) return startOver(req, res, step)
        const request = await findRequest(options, pending.interaction)
        if (!request) return sendPage(res, expiredPage(), 400)
        const ticked = query.get('tick') === 'none' ? NO_SCOPE : offeredTo(pending, request)
        return sendPage(res, pageOf(step, pending, request, ticked))
      }

      const browser = binding.read(req, step)
      if (browser === undefined) return sendPage(res, expiredPage(), 400)
      const form = await readForm(req)
      if (!form || !binding.isFormToken(form.get('form_token'), browser, step)) {
        return sendPage(res, forgedFormPage(consentUrl(step)), 403)
      }
      const visit = visitOf(req, res, 'consent', step, form)
      await takeStep(visit, async pending => {
        const request = await findRequest(options, pending.interaction)
        if (!request) return void sendPage(res, expiredPage(), 400)
        const decision = form.get('decision')
        const all = offeredTo(pending, request)
        const ticked = tickedIn(form, all)
        if (decision === 'allow' && ticked.scopes.length === 0 && all.scopes.length > 0) {
          return void sendPage(res, pageOf(step, pending, request, ticked, true), 422)
        }
        const remember = form.get('remember') === 'yes' && isRememberable(pending, request)
        const consent: Consent = { ...ticked, remember }
        switch (decision) {
          case 'allow':
            if (isArrived(pending)) return allow(visit, pending, request, consent)
            return goOn(visit, { ...pending, consent })
          case 'another':
            return goOn(visit, { ...pending, user: undefined, session: undefined, another: true })
          default:
            return deny(req, pending, request)
        }
      })
    },

    async purpose(req, state) {
      const pending = await ofThisBrowser(req, 'upstream', state)
      return pending && (await purposeFor(pending))
    },

    account: subject => accounts.get<SignedInUser>(subject),
  }

  function visitOf(
    req: IncomingMessage,
    res: ServerResponse,
    place: Place,
    step: string,
    request: URLSearchParams,
  ): Visit {
    const name = hash('sha256', JSON.stringify([place, step, request.toString()]), 'base64url')
    return { req, res, place, step, name }
  }

  /** Takes a step, one at a time in all processes. It is over once everything that it leads to is stored. */
  async function takeStep(
    { req, res, place, step, name }: Visit,
    take: (pending: Pending, memory: string | undefined, keep: Keep) => Promise<Outcome | undefined>,
  ): Promise<void> {
    const signIn = binding.signInOf(step)
    const browser = binding.read(req, step)
    // So that no other browser can hold up this one.
    if (browser === undefined) return startOver(req, res, step)
    const findProgress = () => progress.get<Progress>(name)
    const sendAgain = async (before: Progress | undefined) => {
      if (before?.next === undefined || !isOfBrowser(req, step, before)) return undefined
      await sendOn(res, before.next, undefined)
      return true
    }
    const answered = async () => sendAgain(await findProgress())
    await locks.aloneOr(hash('sha256', `${signIn} ${browser}`, 'base64url'), answered, async () => {
      const before = await findProgress()
      if (!(await sendAgain(before))) await proceed(browser, before)
      return true
    })

    async function proceed(browser: string, before: Progress | undefined): Promise<void> {
      const pending = await ofThisBrowser(req, place, step)
      if (!pending) return startOver(req, res, step)
      const first = firstSteps.read(signIn, place, step)
      if (first) await begun.swap(signIn, undefined, first, 2 * pageSeconds)

      const keep: Keep = async memory => {
        const kept: Progress = { browser, memory: sessions.pack(memory) }
        await insist(() => progress.set(name, kept, pageSeconds))
      }
      const outcome = await take(pending, before?.memory ?? pending.memory, keep)
      if (!outcome) return
      await progress.set(name, { browser, next: outcome.next } satisfies Progress, pageSeconds)
      if (outcome.isOver) await begun.set(signIn, { over: true } satisfies Over, 2 * pageSeconds)
      else if (!first) await waiting[place].delete(step)
      if (outcome.isOver) binding.end(res, step)
      await sendOn(res, outcome.next, pending)
    }
  }

  async function sendOn(res: ServerResponse, next: string, begun: Begun | undefined): Promise<void> {
    if (new URL(next, provider.issuer).origin === new URL(provider.issuer).origin) redirect(res, next)
    else sendPage(res, onwardPage(next, upstream.name, begun && (await purposeFor(begun))))
  }

  /** @returns Address of the first page of a sign-in. */
  async function start(req: IncomingMessage, signIn: string, begun: Begun): Promise<string> {
    const { another } = begun
    if (!consentFirst) {
      const state = firstSteps.write(signIn, 'upstream', begun)
      return (await upstream.depart({ state, redirectUri, another })).url
    }
    const consent = await approvalOf(req, begun)
    return consent === undefined
      ? consentUrl(firstSteps.write(signIn, 'consent', begun))
      : depart(binding.next(signIn), { ...begun, consent })
  }

  /** For whoever went back to a step that was taken before: the same sign-in from its beginning, unless it is over. */
  async function startOver(req: IncomingMessage, res: ServerResponse, step: string): Promise<void> {
    const signIn = binding.signInOf(step)
    const first = firstSteps.read(signIn, 'upstream', step) ?? firstSteps.read(signIn, 'consent', step)
    const known = (await begun.get<Begun | Over>(signIn)) ?? first
    if (!known || 'over' in known || !isOfBrowser(req, step, known)) return sendPage(res, expiredPage(), 400)
    redirect(res, await start(req, signIn, known))
  }

  /** @returns Address at the upstream. */
  async function depart(state: string, pending: Pending): Promise<string> {
    const { url, memory } = await upstream.depart({ state, redirectUri, another: pending.another })
    const sealed = memory === undefined ? undefined : sessions.pack(memory)
    await signIns.set(state, { ...pending, memory: sealed } satisfies Pending, pageSeconds)
    return url
  }

  /** @returns Address of the consent page. */
  async function ask(id: string, pending: Pending): Promise<string> {
    await consents.set(id, pending, pageSeconds)
    return consentUrl(id)
  }

  async function goOn({ res, step }: Visit, pending: Pending): Promise<Outcome | undefined> {
    const departed = await answerOf(notKept, () => depart(binding.next(step), pending))
    return typeof departed === 'string' ? { next: departed } : refuse(res, departed, step, pending)
  }

  function pageOf(
    id: string,
    pending: Pending,
    request: AuthorizationRequest,
    ticked: Ticked,
    isNothingTicked = false,
  ): Html {
    return consentPage({
      ...describeRequest(request, pending.user),
      action: consentUrl(id),
      tickPath: all => `${consentUrl(id)}&tick=${all ? 'all' : 'none'}`,
      formToken: binding.formToken(pending.browser, id),
      upstream: upstream.name,
      stay: canStay(request.client) ? options.stay : undefined,
      rememberable: isRememberable(pending, request),
      ticked,
      isNothingTicked,
    })
  }

  async function purposeFor({ interaction }: Begun): Promise<Purpose | undefined> {
    const request = await findRequest(options, interaction)
    return request && purposeOf(request)
  }

  function isRememberable({ ownNavigation }: Pending, request: AuthorizationRequest): boolean {
    return ownNavigation && approvableOf(request) !== undefined
  }

  /** An approval that covers the request: the operator's for everybody, or an earlier one in this browser, where such a one may count. */
  async function approvalOf(req: IncomingMessage, { interaction, ownNavigation }: Begun): Promise<Consent | undefined> {
    const { client_id: clientId, prompt } = interaction.params
    if (options.clientKinds.isTrusted(String(clientId)) && !wantsConsent(prompt)) return {}
    const request = ownNavigation ? await findRequest(options, interaction) : undefined
    const approvable = request && approvableOf(request)
    const approval = approvable && (await approvals.find(req, approvable))
    return approval && { approvedBy: approval.subject, scopes: approval.scopes, stay: approval.stay }
  }

  /**
   * What the signed-in person has consented to; nothing when it was somebody else, when they can grant none of it, or when it was an earlier
   * approval and they can grant more by now.
   */
  async function consentOf(
    req: IncomingMessage,
    pending: Arrived,
    request: AuthorizationRequest,
  ): Promise<Consent | undefined> {
    const consent = pending.consent ?? (await approvalOf(req, pending))
    if (!consent || !isGrantable(request, pending.user, consent.scopes)) return undefined
    if (consent.approvedBy === undefined) return consent
    const isAll = offered(request, pending.user).every(scope => consent.scopes?.includes(scope))
    return isAll && consent.approvedBy === pending.user.subject ? consent : undefined
  }

  /** @param step - From which the sign-in can be started over. Where the upstream said nothing, the browser may also come back to it. */
  async function refuse(res: ServerResponse, refused: Refused, step: string, pending: Pending): Promise<undefined> {
    const request = await findRequest(options, pending.interaction)
    log('sign_in_refused', { clientId: request?.client.clientId, outcome: refused.outcome, reason: refused.reason })
    if (refused.outcome === 'not_allowed') {
      const { interaction, browser, ownNavigation } = pending
      const again: Begun = { interaction, browser, ownNavigation, another: true }
      await begun.set(binding.signInOf(step), again, pageSeconds)
    }
    if (refused.outcome === 'not_allowed' || refused.outcome === 'nobody') await signIns.delete(step)
    const { page, status } = refusal(upstream.name, refused, consentUrl(step), request && purposeOf(request))
    if (status === 503) res.setHeader('retry-after', '10')
    sendPage(res, page, status)
  }

  /** What waits at a step, if it was this browser that made the step before. */
  async function ofThisBrowser(req: IncomingMessage, place: Place, step: string): Promise<Pending | undefined> {
    const signIn = binding.signInOf(step)
    const first = firstSteps.read(signIn, place, step)
    const pending = first ?? (await waiting[place].get<Pending>(step))
    if (!pending || !isOfBrowser(req, step, pending)) return undefined
    const known = await begun.get<Begun | Over>(signIn)
    return known && 'over' in known ? undefined : pending
  }

  function isOfBrowser(req: IncomingMessage, step: string, { browser }: { browser: string }): boolean {
    return isSame(binding.read(req, step) ?? '', browser)
  }

  async function allow(
    { req, res, name }: Visit,
    { user, session }: Arrived,
    request: AuthorizationRequest,
    { scopes: chosen, stay = true, remember }: Consent,
  ): Promise<Outcome> {
    const { client, resource } = request
    const granted = grantable(request, user, chosen)
    const withheld = resourceScopesOf(request).filter(scope => !granted.includes(scope))
    const grant = new provider.Grant({ accountId: user.subject, clientId: client.clientId })
    // A step that broke off and is taken again gives the same grant, and not a second one.
    grant.jti = hash('sha256', `grant of ${name}`, 'base64url')
    grant.addResourceScope(resource.resource, granted.join(' '))
    // Clients name them again when they refresh, and are to get what they got now.
    if (withheld.length > 0) grant.rejectResourceScope(resource.resource, withheld.join(' '))
    const others = scopesOf(request).filter(scope => !resourceScopesOf(request).includes(scope))
    if (others.length > 0) grant.addOIDCScope(others.join(' '))
    if (!stay) refuseToStay(grant)
    const grantId = await grant.save()
    if (session !== undefined) await sessions.keep(grantId, user.subject, sessions.unpack(session))
    const approvable = remember ? approvableOf(request) : undefined
    if (approvable) {
      // Asked for again, an unticked scope is a new question; so is one that is not theirs to grant, as soon as it is.
      const scopes = approvable.scopes.filter(scope => !withheld.includes(scope))
      const beyond = withheld.filter(scope => !offered(request, user).includes(scope))
      await approvals.remember(req, res, { subject: user.subject, stay, scopes, beyond }, approvable)
    }
    log('consent_given', { subject: user.subject, clientId: client.clientId, scopes: granted })
    // Answers every `prompt` that a client may ask for: this flow does all of it each time.
    const login = { accountId: user.subject, remember: false }
    return { next: await resume(request, { login, consent: { grantId }, select_account: {} }), isOver: true }
  }

  async function deny(req: IncomingMessage, { user }: Pending, request: AuthorizationRequest): Promise<Outcome> {
    log('consent_refused', { subject: user?.subject, clientId: request.client.clientId })
    const approvable = approvableOf(request)
    if (approvable) await approvals.forget(req, approvable)
    const next = await resume(request, { error: 'access_denied', error_description: 'The user refused.' })
    return { next, isOver: true }
  }
}

/** A departure gives nothing that there is only once. */
const notKept: Keep = async () => {}

const NO_SCOPE: Ticked = { scopes: [], stay: true }

/** Everything that a page offers. */
const offeredTo = ({ user }: Pending, request: AuthorizationRequest): Ticked => ({
  scopes: offered(request, user),
  stay: true,
})

/** What a form leaves ticked, of what its page offered. A single scope has no box: it stands and falls with the decision. */
function tickedIn(form: URLSearchParams, { scopes: offer }: Ticked): Ticked {
  const sent = form.getAll('scope')
  const scopes = offer.length === 1 ? offer : offer.filter(scope => sent.includes(scope))
  return { scopes, stay: form.get('stay') === 'yes' }
}

const isArrived = (pending: Pending): pending is Arrived => pending.user !== undefined

const consentUrl = (id: string) => `${CONSENT_PATH}?${new URLSearchParams({ id })}`
