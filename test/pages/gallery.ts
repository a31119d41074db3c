import { landingPage } from '../../app/serve/landing.ts'
import type { Branding, Site } from '../../demo-as/pages/branding.ts'
import { type ConsentPage, consentPage } from '../../demo-as/pages/consent.ts'
import * as device from '../../demo-as/pages/device.ts'
import { clipped, type Html } from '../../demo-as/pages/html.ts'
import * as messages from '../../demo-as/pages/messages.ts'
import { refusal } from '../../demo-as/pages/refusal.ts'
import { signInPage } from '../../demo-as/pages/sign-in.ts'
import { page as emulatorPage } from '../../emulators/core/page.ts'

const DAY = 86_400
const LONG = 'Wolfeschlegelsteinhausenbergerdorff Integrated Development Environment'
const purpose = { clientName: 'Claude Code', resourceName: 'Notes' }

const notes = [
  { name: 'notes:read', words: 'Read your notes', available: true },
  { name: 'notes:write', words: 'Change your notes', available: true },
  { name: 'notes:admin', words: 'See all users', available: true },
]
const fifty = Array.from({ length: 50 }, (_, i) => ({
  name: `erp.module-${i + 1}.transactions:${i % 2 ? 'write' : 'read'}`,
  words: `${i % 2 ? 'Change' : 'Read'} the transactions of module ${i + 1}, and what belongs to them`,
  available: true,
}))

const asked: ConsentPage = {
  ...purpose,
  action: '/oauth/consent?id=x',
  tickPath: all => `/oauth/consent?id=x&tick=${all}`,
  formToken: 'token',
  vouchedBy: { kind: 'nobody' },
  userName: 'Ada',
  upstream: 'Example ID',
  resource: 'https://mcp.example.com/mcp',
  scopes: notes,
  identifies: false,
  stay: { longest: 90 * DAY, idle: 30 * DAY, otherwise: 3600 },
  destination: { kind: 'loopback', host: 'localhost:33418' },
  rememberable: true,
  ticked: { scopes: notes.map(({ name }) => name), stay: true },
}

const consent = (changes: Partial<ConsentPage>): Html => {
  const scopes = changes.scopes ?? notes
  return consentPage({ ...asked, ticked: { scopes: scopes.map(({ name }) => name), stay: true }, ...changes })
}
const form = { action: '/oauth/device', xsrf: 'x' }
const users = [
  { subject: '1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write', 'notes:admin'] },
  { subject: '2', username: 'ben', name: 'Ben', scopes: [] },
]
const signIn = { action: '/fakeupstreamauth/authorize?state=x', formToken: 'x', purpose, users }

/** Every page of the authorization server by the function that makes it, in plain and in hard cases. */
export const gallery: Readonly<Record<string, Readonly<Record<string, Html>>>> = {
  consentPage: {
    plain: consent({}),
    endless: consent({ stay: { longest: Number.POSITIVE_INFINITY, idle: 30 * DAY, otherwise: 3600 } }),
    bridge: consent({ userName: undefined, scopes: notes.slice(0, 2) }),
    document: consent({
      vouchedBy: { kind: 'publisher', host: 'client.example.com' },
      destination: { kind: 'site', host: 'app.example.com' },
      rememberable: false,
      identifies: true,
    }),
    operator: consent({ vouchedBy: { kind: 'operator' }, destination: { kind: 'site', host: 'app.example.com' } }),
    one: consent({ scopes: notes.slice(0, 1), stay: undefined }),
    none: consent({ scopes: [] }),
    withheld: consent({ scopes: notes.map((scope, i) => ({ ...scope, available: i === 0 })), userName: 'Cleo' }),
    refused: consent({ scopes: notes.map(scope => ({ ...scope, available: false })), userName: 'Eve' }),
    unticked: consent({ ticked: { scopes: [], stay: false }, isNothingTicked: true }),
    fifty: consent({ scopes: fifty, clientName: clipped(LONG.replaceAll(' ', '')), userName: 'Grace Brewster Hopper' }),
    hebrew: consent({ clientName: 'עוזר הפתקים', userName: 'עדה לאבלייס', resourceName: 'הפתקים שלי' }),
    arabic: consent({ clientName: 'مساعد الملاحظات (beta) 2.0', userName: 'آدا لوفلايس' }),
    towers: consent({ clientName: clipped(`Cla${'\u0335\u0310\u0359'.repeat(9)}ude`) }),
    scheme: consent({ destination: { kind: 'scheme', scheme: 'com.example.notes:' } }),
    device: consent({ destination: { kind: 'device' }, rememberable: false }),
  },
  signInPage: {
    plain: signInPage(signIn),
    refused: signInPage({ ...signIn, refused: '<script>' }),
    long: signInPage({ ...signIn, purpose: { clientName: clipped(LONG), resourceName: 'Notes of the whole company' } }),
  },
  deviceCodePage: {
    plain: device.deviceCodePage(form),
    problem: device.deviceCodePage({ ...form, userCode: 'BCDF-GHJK', problem: 'There is no such code.' }),
  },
  deviceConfirmPage: {
    plain: device.deviceConfirmPage({ ...form, userCode: 'BCDF-GHJK', clientName: 'Living room display' }),
    long: device.deviceConfirmPage({ ...form, userCode: 'BCDF-GHJK', clientName: clipped(LONG) }),
  },
  deviceDonePage: { plain: device.deviceDonePage('Living room display') },
  messagePage: { plain: messages.messagePage('Back to the terminal', 'The sign-in continues there.') },
  expiredPage: { plain: messages.expiredPage() },
  forgedFormPage: { plain: messages.forgedFormPage('/oauth/consent?id=x') },
  unknownClientPage: { plain: messages.unknownClientPage('V1StGXR8_Z5jdHi6B-myT') },
  unusableDocumentPage: {
    plain: messages.unusableDocumentPage('https://client.example.com/oauth/metadata.json', 'the document has no name'),
  },
  unreachablePage: { plain: messages.unreachablePage('client.example.com answered with 500') },
  redirectUriPage: {
    plain: messages.redirectUriPage('http://localhost:7777/callback/more', ['http://localhost:7777/callback']),
    long: messages.redirectUriPage(`https://example.com/${'x'.repeat(300)}`, [
      'com.example.app:/cb',
      `https://example.com/${'y'.repeat(300)}`,
    ]),
  },
  requestErrorPage: { plain: messages.requestErrorPage('invalid_request', 'redirect_uri is not registered') },
  heldBackPage: {
    plain: messages.heldBackPage(
      'https://client.example/cb?error=x',
      'Claude Code',
      'login_required',
      'nobody signed in',
    ),
    long: messages.heldBackPage('com.example.app:/cb?error=x', clipped(LONG), 'invalid_request', 'x'.repeat(300)),
  },
  failurePage: { plain: messages.failurePage() },
  forgottenFormPage: { plain: messages.forgottenFormPage('/oauth/device') },
  tooLongPage: { plain: messages.tooLongPage() },
  tooManyPage: { plain: messages.tooManyPage(30) },
  unreachableDocumentPage: { plain: messages.unreachableDocumentPage('https://client.example.com/client.json') },
  nothingHerePage: { plain: messages.nothingHerePage(['Notes', 'Files']) },
  onwardPage: { plain: messages.onwardPage('https://id.example.com/authorize', 'Example ID', purpose) },
  returnPage: {
    granted: messages.returnPage('com.example.notes:/callback?code=x', 'Claude Code', true),
    refused: messages.returnPage('com.example.notes:/callback?error=access_denied', 'Claude Code', false),
  },
  refusal: Object.fromEntries(
    (['nobody', 'behind', 'away', 'rejected_us', 'not_allowed'] as const).map(outcome => {
      const refused = { outcome, reason: 'x', words: 'Only people of example.com may sign in.' }
      return [outcome, refusal('Example ID', refused, '/oauth/consent?id=x', purpose).page]
    }),
  ),
}

/** Pages of the programs beside it. */
export const others: Readonly<Record<string, () => string | Promise<string>>> = {
  landing: () =>
    landingPage({
      name: 'Notes',
      resource: 'https://mcp.example.com/mcp',
      authorizationServers: ['https://auth.example.com', 'https://acme.eu.auth0.com/'],
    }),
  emulator: () =>
    emulatorPage(
      '<h1>Sign in to the emulator</h1><form method="post" action="/authorize"><button name="user" value="ada">ada</button><button name="user" value="ben">ben</button></form>',
    ).text(),
}

/** @returns Markup as it is served: nothing in it goes on by itself. */
export function still(page: Html, branding: Branding): string {
  const site: Site = {
    mount: '',
    branding,
    stylesheet: '/style.css',
    picture: branding.logo ? '/logo' : '/icon.svg',
  }
  return page.render(site).replace(/<meta http-equiv="refresh"[^>]*>/, '')
}
