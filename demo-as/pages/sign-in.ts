import type { SignedInUser } from '../upstream/upstream.ts'
import { type Html, html, OwnAddress } from './html.ts'
import { layout } from './layout.ts'
import { type Purpose, purposeBox } from './purpose.ts'

export interface SignInPage {
  action: string
  formToken: string
  purpose: Purpose
  users: readonly SignedInUser[]
  /** What was typed before, when it was no name. */
  refused?: string
}

export function signInPage({ action, formToken, purpose, users, refused }: SignInPage): Html {
  return layout(
    'Sign in',
    html`<h1>Sign in</h1>
${purposeBox(purpose)}
<p>This demo takes the place of your company’s sign-in. There are no passwords: choose who you want to be.</p>
<form method="post" action="${new OwnAddress(action)}">
<input type="hidden" name="form_token" value="${formToken}">
<ul class="people">
${users.map(
  user => html`<li><button class="person" name="user" value="${user.username}">
<span class="initial" aria-hidden="true">${user.name.slice(0, 1)}</span>
<span><strong>${user.name}</strong><small>${user.scopes.length > 0 ? `can grant ${user.scopes.join(', ')}` : 'can use this server'}</small></span>
</button></li>
`,
)}</ul>
</form>
<form method="post" action="${new OwnAddress(action)}">
<input type="hidden" name="form_token" value="${formToken}">
<label for="user">Or sign in as somebody new</label>
${refused !== undefined && html`<p class="error" id="refused">Up to 40 letters, digits, spaces, dots and dashes.</p>`}
<div class="inline">
<input id="user" name="user" value="${refused}" maxlength="40" required autocomplete="off" autocapitalize="words"
 spellcheck="false"${refused !== undefined && html` aria-invalid="true" aria-describedby="refused"`}>
<button>Sign in</button>
</div>
</form>`,
    { footer: 'Demo sign-in. Never put it in front of data that matters.' },
  )
}
