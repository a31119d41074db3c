import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import { createBrowser } from '../support/browser.ts'
import { REDIRECT, startWithClient } from './support.ts'

/** A person who has said yes, and whose browser asks for the last step and never gets the answer. */
async function world() {
  const memory = createMemoryStores()
  const stored: string[] = []
  /** Not of this process alone, so that secrets are sealed. */
  const stores: StoreFactory = collection => {
    const { isLocal: _, ...store } = memory(collection)
    return {
      ...store,
      add: async (...entry) => {
        stored.push(JSON.stringify(entry))
        return store.add(...entry)
      },
    }
  }
  const { client } = await startWithClient({ stores, encryptionKeys: [randomBytes(32)] })
  const { json } = await client.register()
  const { url, verifier } = client.authorizeUrl(json.client_id)
  let lastStep: URL | undefined
  const browser = createBrowser(async (input, init) => {
    const response = await fetch(input, init)
    const target = new URL(String(input))
    if (lastStep || !/^\/oauth\/authorize\/./.test(target.pathname)) return response
    lastStep = target
    const code = (await response.text()).match(/[?&;]code=([\w-]+)/)?.[1]
    throw new TypeError(`lost: ${code}`)
  })
  const consent = await browser.submit(await browser.open(url), 'user', { user: 'ada' })
  const lost = await browser.submit(consent, 'decision', { decision: 'allow' }).catch((error: Error) => error.message)
  const code = String(lost).replace('lost: ', '')
  const redeem = (code: string | null) =>
    client.token({
      grant_type: 'authorization_code',
      client_id: json.client_id,
      code: code ?? '',
      code_verifier: verifier,
      redirect_uri: REDIRECT,
    })
  return { browser, lastStep: lastStep as unknown as URL, code, redeem, stored }
}

describe('the last step of a sign-in', () => {
  it('whose answer was lost is taken again with the same code, which works once', async () => {
    const { browser, lastStep, code, redeem } = await world()
    const { url } = await browser.open(lastStep)
    expect(url.searchParams.get('code')).toBe(code)
    expect((await redeem(code)).status).toBe(200)
    expect((await redeem(code)).json).toMatchObject({ error: 'invalid_grant' })
  })

  it('gives no code that was used', async () => {
    const { browser, lastStep, code, redeem } = await world()
    expect((await redeem(code)).status).toBe(200)
    const page = await browser.open(lastStep)
    expect(page.status).toBe(400)
    expect(page.text).toContain('This sign-in has ended')
  })

  it('is for no other browser', async () => {
    const { lastStep, code } = await world()
    const page = await createBrowser().open(lastStep)
    expect(page.status).toBe(400)
    expect(page.text).not.toContain(code)
  })

  it('taken by one browser many times at once gives one code', async () => {
    const { browser, lastStep, code } = await world()
    const pages = await Promise.all(Array.from({ length: 20 }, () => browser.open(lastStep)))
    expect(new Set(pages.map(({ url }) => url.searchParams.get('code')))).toEqual(new Set([code]))
  })

  it('leaves no code to read in the store', async () => {
    const { code, stored } = await world()
    expect(code).toMatch(/^[\w-]{20,}$/)
    expect(stored.length).toBeGreaterThan(0)
    expect(stored.join()).not.toContain(code)
  })
})
