import { mkdirSync } from 'node:fs'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { launchChromium } from './launch-chromium.ts'

const SCREENSHOTS = new URL('../screenshots/', import.meta.url).pathname

let browser: Browser

// One for all tests of the file that imports this.
beforeAll(async () => {
  browser = await launchChromium()
})

afterAll(async () => {
  await browser?.close()
})

/** A page of a browser without cookies, closed when the test ends. */
export async function openPage(context: BrowserContextOptions = {}): Promise<Page> {
  const browserContext = await browser.newContext({ viewport: { width: 900, height: 760 }, ...context })
  onTestFinished(() => browserContext.close())
  return browserContext.newPage()
}

/** For people to look at: `test/screenshots/<name>.png`. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true })
}
