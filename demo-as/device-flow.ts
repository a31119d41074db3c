import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import { displayName } from './authorization-request.ts'
import { siteOf } from './mount.ts'
import { deviceCodePage, deviceConfirmPage, deviceDonePage } from './pages/device.ts'
import { forgottenFormPage } from './pages/messages.ts'

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>

export const DEVICE_PATH = '/oauth/device'

/** The pages of RFC 8628 §3.3. */
export const deviceFlowPages = {
  charset: 'base-20',
  mask: '****-****',
  deviceInfo: () => ({}),

  userCodeInputSource: async (ctx, _form, _out, error) => {
    ctx.type = 'html'
    if (ctx.oidc.session?.exp === undefined && error) {
      ctx.body = forgottenFormPage(DEVICE_PATH).render(siteOf(ctx.req))
      return
    }
    const userCode = typeof ctx.state.userCode === 'string' ? ctx.state.userCode : undefined
    const problem = error && problemOf(error.name)
    // oidc-provider answers 200 to a code that does not exist.
    if (error && ctx.status < 400) ctx.status = 422
    ctx.body = deviceCodePage({ action: DEVICE_PATH, xsrf: xsrfOf(ctx), userCode, problem }).render(siteOf(ctx.req))
  },

  userCodeConfirmSource: async (ctx, _form, client, _deviceInfo, userCode) => {
    ctx.type = 'html'
    const clientName = displayName(client)
    ctx.body = deviceConfirmPage({ action: DEVICE_PATH, xsrf: xsrfOf(ctx), userCode, clientName }).render(
      siteOf(ctx.req),
    )
  },

  successSource: async ctx => {
    ctx.type = 'html'
    ctx.body = deviceDonePage(ctx.oidc.client ? displayName(ctx.oidc.client) : 'The device').render(siteOf(ctx.req))
  },
} satisfies DeviceFlow

function xsrfOf(ctx: KoaContextWithOIDC): string {
  return (ctx.oidc.session as unknown as { state: { secret: string } }).state.secret
}

function problemOf(errorName: string): string {
  switch (errorName) {
    case 'NoCodeError':
      return 'Enter the code first.'
    case 'NotFoundError':
      return 'There is no such code. Check it, or have the device show a new one.'
    case 'ExpiredError':
      return 'This code is too old. Have the device show a new one.'
    case 'AlreadyUsedError':
      return 'This code was used already. Have the device show a new one.'
    case 'AbortedError':
      return 'The request was refused. Nothing was shared with the device.'
    default:
      return 'This did not work. Nothing was shared with the device.'
  }
}
