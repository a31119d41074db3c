import { type Html, html } from './html.ts'

/** What somebody signs in for. */
export interface Purpose {
  /** What the application calls itself. */
  clientName: string
  resourceName: string
}

/** At the top of a page on the way to a sign-in. */
export function purposeBox({ clientName, resourceName }: Purpose): Html {
  return html`<dl class="client">
<dt>Application</dt><dd class="name"><bdi>${clientName}</bdi></dd>
<dt>Asks to use</dt><dd>${resourceName}</dd>
</dl>`
}

/** Below a page that says why a sign-in does not go on. */
export function purposeNote({ clientName, resourceName }: Purpose): Html {
  return html`<dl class="facts">
<dt>Application</dt><dd><bdi>${clientName}</bdi></dd>
<dt>Asked to use</dt><dd>${resourceName}</dd>
</dl>`
}
