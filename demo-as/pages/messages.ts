import { clipped, type Html, html, OwnAddress } from './html.ts'
import { layout } from './layout.ts'
import { type Purpose, purposeBox, purposeNote } from './purpose.ts'

/** Says what happened and what the reader can do about it. @param purpose - What the reader was about to sign in for. */
export function messagePage(title: string, happened: Html | string, remedy?: Html | string, purpose?: Purpose): Html {
  return layout(
    title,
    html`<h1>${title}</h1>
<p>${happened}</p>
${remedy && html`<div class="note"><p>${remedy}</p></div>`}
${purpose && purposeNote(purpose)}`,
  )
}

export function expiredPage(): Html {
  return messagePage(
    'This sign-in has ended',
    'It took too long, was already finished, or was started in another browser.',
    'Go back to the application and connect again.',
  )
}

export function forgedFormPage(returnTo: string): Html {
  return messagePage(
    'This form did not come from here',
    'The form was not sent from a page of this server. Nothing has been decided.',
    html`If you were about to sign in, <a href="${new OwnAddress(returnTo)}">return to the page</a> and try again.`,
  )
}

export function unknownClientPage(clientId: string): Html {
  return layout(
    'Unknown application',
    html`<h1>Unknown application</h1>
<p>The application that sent you here is not registered with this server, or its registration has ended. This happens when
the server was restarted and the application still uses its old registration.</p>
<div class="note">
<p>What to do in the application:</p>
<ol>
<li>Remove what it has stored for this server: the sign-in, also called authentication or client registration.</li>
<li>Connect again. It then registers again on its own.</li>
</ol>
<dl class="facts">
${FORGETTING.map(([application, how]) => html`<dt>${application}</dt><dd>${how}</dd>\n`)}</dl>
</div>
<dl class="facts"><dt>Client id</dt><dd><code>${clipped(clientId, 80)}</code></dd></dl>
<p>If you run this server: several processes need one store for all of them (REDIS_URL, DATABASE_URL).</p>`,
  )
}

/** How applications are made to forget a registration. */
const FORGETTING: readonly [application: string, how: Html | string][] = [
  [
    'Claude Code',
    html`<code>/mcp</code>, choose the server, <em>Clear authentication</em>; then <em>Authenticate</em>`,
  ],
  ['Claude, ChatGPT', 'Remove the connector in the settings and add it again'],
  ['VS Code', html`The command <em>Authentication: Remove Dynamic Authentication Providers</em>`],
  ['Cursor', 'Remove the server in the MCP settings and add it again'],
  ['Codex', html`<code>codex mcp logout NAME</code>, then <code>codex mcp login NAME</code>`],
  ['opencode', html`<code>opencode mcp logout NAME</code>, then <code>opencode mcp auth NAME</code>`],
  ['idplug', html`<code>idplug login URL --register</code>, with the URL of the server`],
  ['mcp-remote', html`Delete the folder <code>.mcp-auth</code> in your home folder`],
]

/** A client that is known by what it publishes, and that cannot be read or used. */
export function unusableDocumentPage(clientId: string, problem: string | undefined): Html {
  return layout(
    'Unknown application',
    html`<h1>Unknown application</h1>
<p>The application that sent you here says that it is described at the address below. This server cannot use
that description. Nothing was shared, and you did nothing wrong.</p>
<dl class="facts"><dt>Address</dt><dd><code>${clipped(clientId, 200)}</code></dd></dl>
<div class="note"><p>If you build the application, this is for you:</p>
<dl class="facts"><dt>Problem</dt><dd>${clipped(problem ?? '', 300)}</dd></dl></div>`,
  )
}

/** Something that this server depends on does not answer. */
export function unreachablePage(what: string | undefined): Html {
  return messagePage(
    'Not reachable right now',
    html`This sign-in needs an answer from another server, which did not arrive${what && html`: ${clipped(what, 300)}`}.`,
    'Wait a moment, then reload this page or connect again from the application.',
  )
}

export function failurePage(): Html {
  return messagePage(
    'Something went wrong',
    'This server made a mistake. You did nothing wrong.',
    'Try again from the application. If this happens again, tell the people who run this server; its log says what is wrong.',
  )
}

/**
 * The form for a code came from a page that this browser does not have open any more.
 *
 * @param again - Path of that page.
 */
export function forgottenFormPage(again: string): Html {
  return messagePage(
    'This page is too old',
    'The form was not sent from a page of this server, or the page was open for too long. Nothing has been decided.',
    html`If your device shows a code, <a href="${new OwnAddress(again)}">enter it again</a>.`,
  )
}

/** Too many requests came from this network, or from everywhere. */
export function tooManyPage(seconds: number): Html {
  const minutes = Math.ceil(seconds / 60)
  return messagePage(
    'Too many requests',
    'This server was asked too often, by your network or by others. You did nothing wrong, and nothing has been decided.',
    `Try again in ${seconds < 100 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : `${minutes} minutes`}.`,
  )
}

/** A request that is longer than what applications need. */
export function tooLongPage(): Html {
  return messagePage(
    'This request is too long',
    'The application that sent you here asked for more than this server can read. You did nothing wrong.',
    'Tell the people who build the application.',
  )
}

/** What a client publishes about itself cannot be fetched. */
export function unreachableDocumentPage(clientId: string): Html {
  const { host } = new URL(clientId)
  return messagePage(
    'Not reachable right now',
    html`The application that sent you here is described at <strong>${clipped(host)}</strong>, which this server cannot reach. Nothing was shared, and
you did nothing wrong.`,
    html`Reload this page in a minute. If that does not help, tell the people who run this server: its log says which setting is missing. Once they
have changed it, or if this has happened several times, connect again from the application.`,
  )
}

/** For somebody who looks at this server with a browser. @param resourceNames - What people sign in for here. */
export function nothingHerePage(resourceNames: readonly string[]): Html {
  return messagePage(
    'There is nothing to see here',
    html`This server signs people in for ${resourceNames.map((name, index) => html`${index > 0 && ', '}<strong>${name}</strong>`)}.`,
    'To sign in, connect from your application: it finds the way by itself.',
  )
}

/** An application wants people to come back to an address that it has not registered. */
export function redirectUriPage(sent: string, registered: readonly string[]): Html {
  return layout(
    'This request cannot be answered',
    html`<h1>This request cannot be answered</h1>
<p>The application that sent you here wants you to come back to an address that it did not register. You did nothing wrong, and
nothing was shared.</p>
<div class="note"><p>If you build the application, this is for you:</p>
<dl class="facts"><dt>It sent</dt><dd><code>${clipped(sent, 200)}</code></dd>
<dt>It registered</dt>${registered.slice(0, MOST_ADDRESSES).map(uri => html`<dd><code>${clipped(uri, 200)}</code></dd>`)}</dl>
<p>The two are compared character by character; only the port may differ, for an address on the reader's own machine.
Register the address that is sent (<code>redirect_uris</code>), or send one that is registered (<code>invalid_redirect_uri</code>).</p></div>`,
  )
}

const MOST_ADDRESSES = 5

/** An authorization request that cannot be answered by a redirect, because it is not certain to whom that would go. */
export function requestErrorPage(error: string, description: string | undefined): Html {
  return layout(
    'This request cannot be answered',
    html`<h1>This request cannot be answered</h1>
<p>The application that sent you here asked for something that this server does not support. You did nothing wrong.</p>
<div class="note"><p>If you build the application, this is for you:</p>
<dl class="facts"><dt><code>${clipped(error)}</code></dt><dd>${clipped(description ?? '', 300)}</dd></dl></div>`,
  )
}

/**
 * An authorization request that an application on the web got wrong, before anybody was asked. The answer is not sent there at once:
 * whoever registers an address could have people led there from this server (RFC 9700 §4.11.2).
 *
 * @param location - Redirect URI with the error in it.
 */
export function heldBackPage(location: string, clientName: string, error: string, description: string): Html {
  const { protocol, host } = new URL(location)
  const destination = protocol === 'https:' ? host : protocol
  return layout(
    'This request cannot be answered',
    html`<h1>This request cannot be answered</h1>
<p>An application that calls itself <strong><bdi>${clientName}</bdi></strong> asked for something that this server does not support.
You did nothing wrong, and nothing was shared.</p>
<p>It wants you to come back to <strong>${destination}</strong>. Nobody has checked that address: go there only if you came from there.</p>
<p class="actions"><a class="button" href="${location}">Go to ${destination}</a></p>
<div class="note"><p>If you build the application, this is for you:</p>
<dl class="facts"><dt><code>${clipped(error)}</code></dt><dd>${clipped(description, 300)}</dd></dl></div>`,
  )
}

/**
 * The way to the upstream after a form, see {@link returnPage}.
 *
 * @param location - At the upstream.
 */
export function onwardPage(location: string, upstream: string, purpose: Purpose | undefined): Html {
  return layout(
    'Sign in',
    html`<h1>Sign in</h1>
${purpose && purposeBox(purpose)}
<p>Taking you to <strong>${upstream}</strong>, to sign in there.</p>
<p class="actions"><a class="button" href="${location}">Go to ${upstream}</a></p>`,
    { head: html`<meta http-equiv="refresh" content="0;url=${location}">\n` },
  )
}

/**
 * The way back to the application. Browsers apply `form-action` to the redirects that follow a form, so the
 * consent form is not answered by a redirect to the application but by this page, which goes on by itself.
 *
 * @param location - Redirect URI with the answer in it.
 * @param granted - Whether the answer is a code; otherwise it is an error.
 */
export function returnPage(location: string, clientName: string, granted: boolean): Html {
  const title = granted ? 'You are signed in' : 'Nothing was shared'
  return layout(
    title,
    html`<h1>${title}</h1>
<p>Taking you back to <strong><bdi>${clientName}</bdi></strong>. You can close this window if it does not close on its own.</p>
<p class="actions"><a class="button" href="${location}">Back to <bdi>${clientName}</bdi></a></p>`,
    { head: html`<meta http-equiv="refresh" content="0;url=${location}">\n` },
  )
}
