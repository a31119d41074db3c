import { describe, expect, it, onTestFinished } from 'vitest'
import { listenForBrowser } from '../../../app/client/visit.ts'
import { freePort, listen } from '../../support/http.ts'

const say = () => undefined
const page = new URL('https://id.example.com/authorize?state=s')

describe('the place where the browser comes back to', () => {
  it('is on this machine, and takes the answer of any browser, opened or not', async () => {
    const opened: string[] = []
    const openBrowser = async (url: string) => {
      opened.push(url)
      throw new Error('there is no browser')
    }
    const visit = await listenForBrowser({ say, openBrowser })
    onTestFinished(visit.close)
    expect(visit.redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
    const back = visit.go(page)
    const response = await fetch(`${visit.redirectUri}?code=c&state=s`)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).toContain('Back to the terminal')
    expect(Object.fromEntries(await back)).toEqual({ code: 'c', state: 's' })
    expect(opened).toEqual([page.href])
  })

  it('does not take anything else for the answer', async () => {
    const visit = await listenForBrowser({ say })
    onTestFinished(visit.close)
    const back = visit.go(page)
    const { origin } = new URL(visit.redirectUri)
    for (const path of ['/favicon.ico', '/other?code=c&state=s']) {
      expect((await fetch(origin + path)).status).toBe(404)
    }
    expect((await fetch(`${visit.redirectUri}?code=c&state=s`, { method: 'POST' })).status).toBe(404)
    const refused = await fetch(`${visit.redirectUri}?error=access_denied&state=s`)
    expect(await refused.text()).toContain('Not signed in')
    expect((await back).get('error')).toBe('access_denied')
  })

  it('goes on waiting where the answer to another sign-in comes, and says so', async () => {
    const said: string[] = []
    const visit = await listenForBrowser({ say: text => said.push(text) })
    onTestFinished(visit.close)
    const back = visit.go(page)
    for (const query of ['', '?code=c', '?code=c&state=other', '?error=access_denied', '?error=access_denied&state=']) {
      const response = await fetch(visit.redirectUri + query)
      expect(response.status).toBe(400)
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(await response.text()).toContain('Not the answer to this sign-in')
    }
    await fetch(`${visit.redirectUri}?code=right&state=s`)
    expect((await back).get('code')).toBe('right')
    expect(said.filter(text => text.includes('Still waiting'))).toHaveLength(1)
  })

  it('is the one of before, or another one where a program is at that port by now', async () => {
    const kept = `http://127.0.0.1:${await freePort()}/callback`
    const again = await listenForBrowser({ say }, kept)
    expect(again.redirectUri).toBe(kept)
    const other = await listenForBrowser({ say }, kept)
    expect(other.redirectUri).not.toBe(kept)
    again.close()
    other.close()
  })

  it('comes with a way out where the registration of before may be forgotten, and only there', async () => {
    const kept = `http://127.0.0.1:${await freePort()}/callback`
    const told = async (redirectUri?: string, keptRedirectUri?: string) => {
      const said: string[] = []
      const visit = await listenForBrowser({ say: text => said.push(text), redirectUri }, keptRedirectUri)
      const back = visit.go(page)
      await fetch(`${visit.redirectUri}?code=c&state=s`)
      await back
      visit.close()
      return said.join('\n')
    }
    expect(await told(undefined, kept)).toContain('--register')
    expect(await told()).not.toContain('--register')
    expect(await told(kept)).not.toContain('--register')
  })

  it('is never another one than the person gave', async () => {
    const taken = await listen(() => {})
    onTestFinished(taken.close)
    const redirectUri = `${taken.origin}/callback`
    await expect(listenForBrowser({ say, redirectUri })).rejects.toThrow(`cannot listen at ${redirectUri}`)
  })

  it('does not wait for ever', async () => {
    const visit = await listenForBrowser({ say, wait: 1 })
    onTestFinished(visit.close)
    await expect(visit.go(page)).rejects.toThrow('did not come back in time')
  })
})
