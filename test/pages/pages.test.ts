import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setSecurityHeaders } from '../../demo-as/http.ts'
import { icon, stylesheet } from '../../demo-as/pages/assets.ts'
import type { Branding } from '../../demo-as/pages/branding.ts'
import type { Html } from '../../demo-as/pages/html.ts'
import { openPage, screenshot } from '../support/chromium.ts'
import { listen } from '../support/http.ts'
import { gallery, others, still } from './gallery.ts'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const windows: Readonly<Record<string, BrowserContextOptions>> = {
  desktop: { viewport: { width: 1280, height: 800 } },
  'desktop-dark': { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  'phone-dark': { viewport: { width: 360, height: 640 }, colorScheme: 'dark', isMobile: true, hasTouch: true },
  // A window of 640 pixels at 200 %.
  zoomed: { viewport: { width: 320, height: 400 }, deviceScaleFactor: 2 },
}

const pages = new Map<string, Html>(
  Object.entries(gallery).flatMap(([maker, cases]) =>
    Object.entries(cases).map(([name, page]) => [`${maker}-${name}`, page] as const),
  ),
)

const acme: Branding = {
  name: 'Acme Corporation',
  logo: { type: 'image/svg+xml', bytes: Buffer.from(icon.replaceAll('#3b4cca', '#0b6b3a')) },
  colors: {
    light: { accent: '#0b6b3a', onAccent: '#ffffff', background: '#eef5f0' },
    dark: { accent: '#7fd6a4', onAccent: '#0a0a0a', background: '#0d1512' },
  },
  links: {
    terms: 'https://acme.example/terms',
    privacy: 'https://acme.example/privacy',
    support: 'mailto:help@acme.example',
  },
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

async function violations(page: Page): Promise<string[]> {
  // By the debugger, so that the policy of the page stays as it is.
  await page.evaluate(axe)
  const found = await page.evaluate<Violation[]>(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => violations)`,
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

describe.each(Object.entries(windows))('on %s', (window, context) => {
  it('no page has a fault that axe knows, scrolls sideways, complains or is hard to hit', async () => {
    branding = {}
    const page = await openPage(context)
    const complaints: string[] = []
    page.on('console', message => complaints.push(`${page.url()}: ${message.text()}`))
    for (const name of [...pages.keys(), ...Object.keys(others)]) {
      await page.goto(`${server.origin}/${name}`)
      complaints.push(...(await violations(page)).map(text => `${name}: ${text}`))
      if (!(await fitsItsWindow(page))) complaints.push(`${name} scrolls sideways`)
      if (!name.startsWith('landing')) complaints.push(...(await smallTargets(page)).map(text => `${name}: ${text}`))
      await screenshot(page, `${window}/${name}`)
    }
    expect(complaints).toEqual([])
  }, 120_000)

  it('the pages of an operator with a name, a logo, colors and links are no worse', async () => {
    branding = acme
    const page = await openPage(context)
    const complaints: string[] = []
    page.on('console', message => complaints.push(message.text()))
    for (const name of ['consentPage-plain', 'signInPage-plain', 'expiredPage-plain']) {
      await page.goto(`${server.origin}/${name}`)
      await page.getByText('Acme Corporation').first().waitFor()
      expect(await page.locator('footer a').count()).toBe(3)
      complaints.push(...(await violations(page)))
      if (!(await fitsItsWindow(page))) complaints.push(`${name} scrolls sideways`)
      await screenshot(page, `${window}/branded-${name}`)
    }
    expect(complaints).toEqual([])
  })
})

it('axe sees what is wrong', async () => {
  const page = await openPage()
  await page.setContent('<title>x</title><main><h1>x</h1><img src="x"><p style="color: #999">x</p></main>')
  const found = (await violations(page)).map(text => text.split(':')[0])
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
