import { type Html, html, OwnAddress } from './html.ts'
import { layout } from './layout.ts'

export interface ConsentPage {
  action: string
  formToken: string
  /** What the application calls itself. */
  clientName: string
  vouchedBy: Vouching
  /** Whoever has signed in; without it, the sign-in at `upstream` comes next. */
  userName?: string
  upstream: string
  resourceName: string
  resource: string
  scopes: readonly { name: string; words: string; available: boolean }[]
  /** The request is for an ID token as well. */
  identifies: boolean
  /** How long the application can keep the person signed in; without it, it cannot. */
  stay?: Stay
  destination: Destination
  /** Whether to offer "Do not ask again". */
  rememberable: boolean
  /** Path of the same page with every scope ticked, or none. */
  tickPath: (all: boolean) => string
  ticked: Ticked
  /** The form came back without a scope. */
  isNothingTicked?: boolean
}

/** What a person leaves ticked. */
export interface Ticked {
  scopes: readonly string[]
  stay: boolean
}

/** Who stands behind the name of an application. */
export type Vouching =
  | { kind: 'nobody' }
  /** The host that publishes what the application says of itself. */
  | { kind: 'publisher'; host: string }
  /** The operator of this server set the application up. */
  | { kind: 'operator' }

/** In seconds. */
export interface Stay {
  /** In all; infinite without a limit. */
  longest: number
  /** Without being used. */
  idle: number
  /** How long access lasts for somebody who does not stay signed in. */
  otherwise: number
}

/** Where the answer goes. */
export type Destination =
  | { kind: 'site'; host: string }
  | { kind: 'loopback'; host: string }
  | { kind: 'scheme'; scheme: string }
  | { kind: 'device' }

export function consentPage(page: ConsentPage): Html {
  const { clientName, userName, upstream, resourceName, stay } = page
  const given = page.scopes.filter(scope => scope.available)
  const withheld = page.scopes.filter(scope => !scope.available)
  // A server without scopes is used as a whole.
  const allowable = given.length > 0 || page.scopes.length === 0
  return layout(
    `Allow access to ${resourceName}?`,
    html`<h1>Allow access to <bdi>${resourceName}</bdi>?</h1>
<dl class="client">
<dt>Application</dt><dd class="name"><bdi>${clientName}</bdi></dd>
<dt>Who vouches for it</dt><dd>${vouchedBy(page.vouchedBy)}</dd>
<dt>Where the access goes</dt><dd>${destinationOf(page.destination)}</dd>
</dl>
<p>The application asks to use <strong><bdi>${resourceName}</bdi></strong> ${
      userName === undefined
        ? html`in your name. If you allow it, you sign in at <strong>${upstream}</strong> next.`
        : html`as <strong><bdi>${userName}</bdi></strong>.`
    }</p>
<form method="post" action="${new OwnAddress(page.action)}">
<input type="hidden" name="form_token" value="${page.formToken}">
${given.length + Number(page.identifies) > 0 && abilities(page, given)}
${
  withheld.length > 0 &&
  html`<h2>It also asked for this, which <bdi>${userName}</bdi> may not grant</h2>
<ul class="scopes withheld">${withheld.map(scopeLine)}</ul>`
}
${allowable && stay && stayBox(stay, page)}
${
  allowable &&
  page.rememberable &&
  html`<div class="choice"><label><input type="checkbox" name="remember" value="yes"><span>Do not ask again in this browser</span></label></div>`
}
${caution(page.destination)}
<div class="actions">
${allowable && html`<button class="primary" name="decision" value="allow">Allow</button>`}
<button name="decision" value="deny">${allowable ? 'Deny' : 'Go back'}</button>
</div>
${
  userName !== undefined &&
  html`<p class="aside">Not <bdi>${userName}</bdi>? <button class="link" name="decision" value="another">Sign in as somebody else</button></p>`
}
</form>
<dl class="facts"><dt>Address of <bdi>${resourceName}</bdi></dt><dd><code>${page.resource}</code></dd></dl>`,
  )
}

/** So many boxes that nobody wants to untick each. */
const MANY = 5

type Scope = ConsentPage['scopes'][number]

function tickLink({ ticked, tickPath }: ConsentPage): Html {
  const all = ticked.scopes.length === 0
  return html`<p class="ticks"><a href="${new OwnAddress(tickPath(all))}">${all ? 'Tick all' : 'Untick all'}</a></p>`
}

function abilities(page: ConsentPage, given: readonly Scope[]): Html {
  const { ticked, isNothingTicked } = page
  return html`<fieldset${isNothingTicked && html` aria-describedby="nothing"`}>
<legend>It will be able to${page.userName === undefined && ', as far as your account may'}</legend>
${isNothingTicked && html`<p class="error" id="nothing" role="alert">Nothing is ticked. Tick what you want to allow, or choose Deny.</p>`}
${given.length > MANY && tickLink(page)}
<ul class="scopes">
${given.map(scope => (given.length === 1 ? scopeLine(scope) : scopeBox(scope, ticked.scopes.includes(scope.name))))}
${page.identifies && html`<li class="fixed">Recognize you the next time, by an id of your account</li>`}
</ul>
</fieldset>`
}

function scopeLine({ name, words }: Scope): Html {
  return html`<li class="fixed">${words} <code>${name}</code></li>\n`
}

function scopeBox({ name, words }: Scope, ticked: boolean): Html {
  return html`<li><label><input type="checkbox" name="scope" value="${name}"${ticked && ' checked'}><span>${words} <code>${name}</code></span></label></li>\n`
}

function stayBox({ longest, idle, otherwise }: Stay, { clientName, ticked }: ConsentPage): Html {
  return html`<div class="choice"><label><input type="checkbox" name="stay" value="yes" aria-describedby="stay"${ticked.stay && ' checked'}><span>Stay signed in${Number.isFinite(longest) && html` until ${day(longest)} at the latest`}</span></label>
<small id="stay"><bdi>${clientName}</bdi> keeps this access while you are away. ${idle < longest && `Ends when it is not used for ${span(idle)}. `}Without this, you sign in again after ${span(otherwise)}.</small></div>`
}

function day(seconds: number): Html {
  const date = new Date(Date.now() + seconds * 1000)
  const words = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
  return html`<time datetime="${date.toISOString().slice(0, 10)}">${words}</time>`
}

/** A length of time in the largest unit that it fills. */
function span(seconds: number): string {
  for (const [unit, length] of Object.entries({ day: 86_400, hour: 3_600, minute: 60 })) {
    const count = Math.round(seconds / length)
    if (seconds >= length) return `${count} ${unit}${count === 1 ? '' : 's'}`
  }
  return 'a minute'
}

function vouchedBy(vouching: Vouching): Html {
  switch (vouching.kind) {
    case 'nobody':
      return html`Nobody has checked this name. The application chose it itself.`
    case 'publisher':
      return html`<strong>${vouching.host}</strong>, which publishes this application’s description.`
    case 'operator':
      return html`The people who run this server: they set the application up.`
  }
}

function destinationOf(destination: Destination): Html {
  switch (destination.kind) {
    case 'site':
      return html`<strong>${destination.host}</strong>`
    case 'loopback':
      return html`<strong>${destination.host}</strong>, on this computer. Any program on it could be listening there.`
    case 'scheme':
      return html`To the program that opens <strong>${destination.scheme}</strong> links on this computer. Any program can claim them.`
    case 'device':
      return html`To the device that showed you the code.`
  }
}

/** Where nothing about the way back says whose program it is. */
function caution({ kind }: Destination): Html | undefined {
  switch (kind) {
    case 'site':
      return undefined
    case 'loopback':
    case 'scheme':
      return html`<div class="note"><p>Allow this only if you have just started the sign-in yourself.</p></div>`
    case 'device':
      return html`<div class="note"><p>Allow this only if you are holding the device: somebody who sent you the code could sign in as you.</p></div>`
  }
}
