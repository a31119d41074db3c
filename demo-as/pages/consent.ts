import { type Html, html, OwnAddress } from './html.ts'
import { layout } from './layout.ts'

export interface ConsentPage {
  action: string
  formToken: string
  clientName: string
  /** Host that describes the client, where the client is known by what that host publishes. */
  publisher?: string
  /** Whoever has signed in; without it, the sign-in at `upstream` comes next. */
  userName?: string
  upstream: string
  resourceName: string
  resource: string
  scopes: readonly { name: string; words: string; available: boolean }[]
  destination: Destination
  /** Whether to offer "Do not ask again". */
  rememberable: boolean
}

/** Where the answer goes. */
export type Destination =
  | { kind: 'site'; host: string }
  | { kind: 'loopback'; host: string }
  | { kind: 'scheme'; scheme: string }
  | { kind: 'device' }

export function consentPage(page: ConsentPage): Html {
  const { clientName, userName, upstream } = page
  const given = page.scopes.filter(scope => scope.available)
  const withheld = page.scopes.filter(scope => !scope.available)
  // A server without scopes is used as a whole.
  const allowable = given.length > 0 || page.scopes.length === 0
  return layout(
    `Allow ${clientName}?`,
    html`<h1>Allow “${clientName}”?</h1>
<p>It wants to use <strong>${page.resourceName}</strong> ${userName === undefined ? 'on your behalf' : html`as <strong>${userName}</strong>`}.
${userName === undefined && html`If you allow it, you sign in at <strong>${upstream}</strong> next.`}</p>
${page.publisher && html`<p>It is an application by <strong>${page.publisher}</strong>.</p>`}
${given.length > 0 && html`<h2>It will be able to${userName === undefined && ', as far as your account may'}</h2>${scopeList(given, 'given')}`}
${withheld.length > 0 && html`<h2>It also asked for this, which ${userName} may not grant</h2>${scopeList(withheld, 'withheld')}`}
${destinationNote(page.destination)}
<form method="post" action="${new OwnAddress(page.action)}">
<input type="hidden" name="form_token" value="${page.formToken}">
${
  page.rememberable &&
  allowable &&
  html`<label class="choice"><input type="checkbox" name="remember" value="yes"> Do not ask again in this browser</label>`
}
<div class="actions">
${allowable && html`<button class="primary" name="decision" value="allow">Allow</button>`}
<button name="decision" value="deny">${allowable ? 'Deny' : 'Go back'}</button>
</div>
${userName !== undefined && html`<p class="aside">Not ${userName}? <button class="link" name="decision" value="another">Sign in as somebody else</button></p>`}
</form>
<dl>
<dt>Server</dt><dd><code>${page.resource}</code></dd>
${
  page.publisher === undefined &&
  html`<dt>Application</dt><dd>The application chose this name itself. Nobody has checked it.</dd>`
}
</dl>`,
  )
}

function scopeList(scopes: ConsentPage['scopes'], kind: 'given' | 'withheld'): Html {
  return html`<ul class="scopes ${kind}">
${scopes.map(({ name, words }) => html`<li>${words} <code>${name}</code></li>\n`)}</ul>`
}

function destinationNote(destination: Destination): Html {
  switch (destination.kind) {
    case 'site':
      return html`<p>The answer goes to <strong>${destination.host}</strong>.</p>`
    case 'loopback':
      return html`<div class="note"><p>The answer goes to this computer, <strong>${destination.host}</strong>. Any program on this
computer could be behind it. Allow only if you have just started the sign-in yourself.</p></div>`
    case 'scheme':
      return html`<div class="note"><p>The answer goes to the program that opens <strong>${destination.scheme}</strong> links on this
computer. Any program can claim them. Allow only if you have just started the sign-in yourself.</p></div>`
    case 'device':
      return html`<div class="note"><p>The answer goes to the device that showed you the code. Allow only if you are holding that device: somebody
who sent you the code could sign in as you.</p></div>`
  }
}
