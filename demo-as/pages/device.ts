import { type Html, html, OwnAddress } from './html.ts'
import { layout } from './layout.ts'

export function deviceCodePage(form: { action: string; xsrf: string; userCode?: string; problem?: string }): Html {
  return layout(
    'Connect a device',
    html`<h1>Connect a device</h1>
<p>Enter the code that your device shows.</p>
<form method="post" action="${new OwnAddress(form.action)}">
<input type="hidden" name="xsrf" value="${form.xsrf}">
<label for="user_code">Code</label>
${form.problem && html`<p class="error" id="problem">${form.problem}</p>`}
<div class="inline">
<input class="code" id="user_code" name="user_code" value="${form.userCode}" placeholder="BCDF-GHJK" maxlength="20" required autocomplete="off"
 autocapitalize="characters" spellcheck="false"${form.problem && html` aria-invalid="true" aria-describedby="problem"`}>
<button>Continue</button>
</div>
</form>`,
  )
}

export function deviceConfirmPage(form: { action: string; xsrf: string; userCode: string; clientName: string }): Html {
  return layout(
    'Is this your device?',
    html`<h1>Is this your device?</h1>
<p><strong><bdi>${form.clientName}</bdi></strong> should be showing this code:</p>
<p class="code">${form.userCode}</p>
<div class="note"><p>If it shows a different code, or if somebody sent you this one, do not continue.</p></div>
<form method="post" action="${new OwnAddress(form.action)}">
<input type="hidden" name="xsrf" value="${form.xsrf}">
<input type="hidden" name="user_code" value="${form.userCode}">
<div class="actions">
<button class="primary" name="confirm" value="yes">It is mine</button>
<button name="abort" value="yes">Cancel</button>
</div>
</form>`,
  )
}

export function deviceDonePage(clientName: string): Html {
  return layout(
    'Your device is connected',
    html`<h1>Your device is connected</h1>
<p><strong><bdi>${clientName}</bdi></strong> continues on its own. You can close this window.</p>`,
  )
}
