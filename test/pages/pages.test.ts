import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { listenForBrowser } from '../../app/client/visit.ts'
import { loadBranding } from '../../config/branding.ts'
import { setSecurityHeaders } from '../../demo-as/http.ts'
import { icon, stylesheet } from '../../demo-as/pages/assets.ts'
import type { Branding } from '../../demo-as/pages/branding.ts'
import type { Html } from '../../demo-as/pages/html.ts'
import type { ConfigProblem } from '../../src/config-error.ts'
import { openPage, screenshot } from '../support/chromium.ts'
import { listen } from '../support/http.ts'
import { gallery, others, still } from './gallery.ts'

const ALL = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }
/** What depends on colors and sizes. */
const VISIBLE = { type: 'rule', values: ['color-contrast', 'link-in-text-block', 'target-size'] }

const phone: BrowserContextOptions = {
  viewport: { width: 360, height: 640 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
}
const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 800 } }
type Windows = Readonly<Record<string, { context: BrowserContextOptions; rules: typeof ALL }>>
/** With these two, every color scheme and every size is seen once; the others every night. */
const windows: Windows = {
  desktop: { context: desktop, rules: ALL },
  'phone-dark': { context: { ...phone, colorScheme: 'dark' }, rules: ALL },
}
const furtherWindows: Windows = {
  'desktop-dark': { context: { ...desktop, colorScheme: 'dark' }, rules: VISIBLE },
  phone: { context: phone, rules: VISIBLE },
  // A window of 640 pixels at 200 %.
  zoomed: { context: { viewport: { width: 320, height: 400 }, deviceScaleFactor: 2 }, rules: VISIBLE },
}
const lookedAt = process.env.ALL_VARIANTS || process.env.SCREENSHOTS ? { ...windows, ...furtherWindows } : windows

const pages = new Map<string, Html>(
  Object.entries(gallery).flatMap(([maker, cases]) =>
    Object.entries(cases).map(([name, page]) => [`${maker}-${name}`, page] as const),
  ),
)

/** As an operator writes it, with colors for a light screen only. */
function acme(): Branding {
  const folder = mkdtempSync(join(tmpdir(), 'branding-'))
  writeFileSync(join(folder, 'logo.svg'), icon.replaceAll('#3b4cca', '#0b6b3a'))
  const file = {
    name: 'Acme Corporation',
    logo: 'logo.svg',
    colors: { light: { accent: '#0b6b3a', background: '#eef5f0' } },
    links: {
      terms: 'https://acme.example/terms',
      privacy: 'https://acme.example/privacy',
      support: 'mailto:help@acme.example',
    },
  }
  writeFileSync(join(folder, 'branding.json'), JSON.stringify(file))
  const problems: ConfigProblem[] = []
  const loaded = loadBranding(join(folder, 'branding.json'), problems)
  if (!loaded || problems.length > 0) throw new Error(JSON.stringify(problems))
  return loaded
}

let branding: Branding = {}
let server: Awaited<ReturnType<typeof listen>>
beforeAll(async () => {
  server = await listen(async (req, res) => {
    setSecurityHeaders(res)
    const name = (req.url ?? '').slice(1)
    const page = pages.get(name)
    const other = others[name]
    if (name === 'style.css') return res.setHeader('content-type', 'text/css').end(stylesheet(branding.colors))
    if (name === 'icon.svg') return res.setHeader('content-type', 'image/svg+xml').end(icon)
    if (name === 'logo') return res.setHeader('content-type', 'image/svg+xml').end(branding.logo?.bytes)
    if (other) res.removeHeader('content-security-policy')
    res.setHeader('content-type', 'text/html').end(other ? await other() : page ? still(page, branding) : '')
  })
})
afterAll(() => server.close())

interface Violation {
  id: string
  nodes: { target: string[]; failureSummary?: string }[]
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

async function violations(page: Page, rules: typeof ALL): Promise<string[]> {
  // By the debugger, so that the policy of the page stays as it is.
  await page.evaluate(axe)
  const found = await page.evaluate<Violation[]>(
    `axe.run(document, { runOnly: ${JSON.stringify(rules)} }).then(({ violations }) => violations)`,
  )
  return found.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target} ${node.failureSummary}`))
}

const fitsItsWindow = (page: Page) =>
  page.evaluate<boolean>('document.documentElement.scrollWidth <= document.documentElement.clientWidth')

/** Where fingers hit it: all but links inside sentences (WCAG 2.2, 2.5.8). */
const smallTargets = (page: Page) =>
  page.evaluate<
    string[]
  >(`[...document.querySelectorAll('button, .button, label:has(input), input:not([type=hidden], label input)')]
    .filter(element => element.getBoundingClientRect().height < 44)
    .map(element => element.outerHTML)`)

describe.each(Object.entries(lookedAt))('on %s', (window, { context, rules }) => {
  it('no page has a fault that axe knows, scrolls sideways, complains or is hard to hit', async () => {
    branding = {}
    const page = await openPage(context)
    const complaints: string[] = []
    page.on('console', message => complaints.push(`${page.url()}: ${message.text()}`))
    for (const name of [...pages.keys(), ...Object.keys(others)]) {
      await page.goto(`${server.origin}/${name}`)
      complaints.push(...(await violations(page, rules)).map(text => `${name}: ${text}`))
      if (!(await fitsItsWindow(page))) complaints.push(`${name} scrolls sideways`)
      if (!name.startsWith('landing')) complaints.push(...(await smallTargets(page)).map(text => `${name}: ${text}`))
      if (process.env.SCREENSHOTS) await screenshot(page, `${window}/${name}`)
    }
    expect(complaints).toEqual([])
  }, 600_000)

  it('the pages of an operator with a name, a logo, colors and links are no worse', async () => {
    branding = acme()
    const page = await openPage(context)
    const complaints: string[] = []
    page.on('console', message => complaints.push(message.text()))
    for (const name of ['consentPage-plain', 'signInPage-plain', 'refusal-not_allowed']) {
      await page.goto(`${server.origin}/${name}`)
      await page.getByText('Acme Corporation').first().waitFor()
      expect(await page.locator('footer a').count()).toBe(3)
      complaints.push(...(await violations(page, rules)))
      if (!(await fitsItsWindow(page))) complaints.push(`${name} scrolls sideways`)
      if (process.env.SCREENSHOTS) await screenshot(page, `${window}/branded-${name}`)
    }
    expect(complaints).toEqual([])
  })
})

it.each([
  ['Back to the terminal', { colorScheme: 'light' }, 'code=c'],
  ['Not signed in', { colorScheme: 'dark' }, 'error=access_denied'],
] as const)('the command line comes back to a page that is whole: %s', async (title, context, answer) => {
  const visit = await listenForBrowser({ say: () => {} })
  onTestFinished(visit.close)
  const back = visit.go(new URL('https://id.example.com/authorize?state=s'))
  const page = await openPage(context)
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  await page.goto(`${visit.redirectUri}?${answer}&state=s`)
  await back
  visit.close()
  await page.getByRole('heading', { name: title }).waitFor()
  expect(await page.evaluate('getComputedStyle(document.querySelector("main")).borderRadius')).toBe('16px')
  expect(await page.evaluate<number>('document.querySelector("header img").naturalWidth')).toBeGreaterThan(0)
  expect([...complaints, ...(await violations(page, ALL))]).toEqual([])
  if (process.env.SCREENSHOTS) await screenshot(page, `command-line-${context.colorScheme}`)
})

it('axe sees what is wrong', async () => {
  const page = await openPage()
  await page.setContent('<title>x</title><main><h1>x</h1><img src="x"><p style="color: #999">hard to read</p></main>')
  const found = (await violations(page, ALL)).map(text => text.split(':')[0])
  expect(found).toEqual(expect.arrayContaining(['color-contrast', 'html-has-lang', 'image-alt']))
})

it('every function that makes a page is in the gallery', async () => {
  const folder = new URL('../../demo-as/pages/', import.meta.url)
  const makers: string[] = []
  for (const file of readdirSync(folder)) {
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>
    makers.push(...Object.keys(module).filter(name => name.endsWith('Page') || name === 'refusal'))
  }
  expect(Object.keys(gallery).sort()).toEqual(makers.sort())
})
