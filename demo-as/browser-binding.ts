import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Ties a sign-in to the browser that started it. Without this, a link with somebody else's half-finished sign-in in it
 * would let the reader approve a stranger's application (CVE-2026-27124).
 *
 * A sign-in has a cookie of its own, so that several may begin in one browser at the same moment. Each step of it has a
 * name that cannot be guessed; the part before the dot names the cookie.
 */
export interface BrowserBinding {
  /**
   * Gives the browser a cookie, and takes back those of its oldest sign-ins where it has many: what it sends stays short.
   *
   * @returns The cookie's value and the name of the sign-in.
   */
  begin(req: IncomingMessage, res: ServerResponse): { browser: string; signIn: string }
  /** Name of a step that follows. */
  next(step: string): string
  /** What all steps of a sign-in have in common. */
  signInOf(step: string): string
  /** Value of the cookie to a step, if this browser has it. */
  read(req: IncomingMessage, step: string): string | undefined
  /** Takes the cookie back. */
  end(res: ServerResponse, step: string): void
  /** Value that the form of a step carries; a page of another origin cannot know it. */
  formToken(browser: string, step: string): string
  isFormToken(token: string | null | undefined, browser: string, step: string): boolean
}

/** Sign-ins of one browser that can be under way at once: 1.3 kB of cookies. Proxies take 4 to 8 kB of headers. */
const MAX_COOKIES = 16

/**
 * @param seconds - How long the longest sign-in may take.
 * @param formKey - Authenticates forms; the same in all processes.
 */
export function createBrowserBinding(issuer: URL, seconds: number, formKey: string): BrowserBinding {
  const secure = issuer.protocol === 'https:'
  // The prefix makes browsers refuse the cookie from subdomains and from http. They refuse the prefix itself on http.
  const prefix = `${secure ? '__Host-' : ''}sign-in-`
  const cookieName = (step: string) => prefix + signInOf(step)
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}; Max-Age=`
  const formToken = (browser: string, step: string) =>
    createHmac('sha256', formKey).update(`${browser}.${step}`).digest('base64url')

  const pairsOf = (req: IncomingMessage) => (req.headers.cookie ?? '').split(';').map(pair => pair.trim())

  return {
    begin(req, res) {
      // Browsers send older cookies first (RFC 6265 §5.4).
      const before = pairsOf(req).filter(pair => pair.startsWith(prefix))
      for (const pair of before.slice(0, 1 - MAX_COOKIES)) {
        res.appendHeader('set-cookie', `${pair.split('=')[0]}=${attributes}0`)
      }
      const browser = random(32)
      const signIn = random(12)
      res.appendHeader('set-cookie', `${cookieName(signIn)}=${browser}${attributes}${seconds}`)
      return { browser, signIn }
    },
    next: step => `${signInOf(step)}.${random(32)}`,
    signInOf,
    read(req, step) {
      const start = `${cookieName(step)}=`
      return (
        pairsOf(req)
          .find(pair => pair.startsWith(start))
          ?.slice(start.length) || undefined
      )
    },
    end(res, step) {
      res.appendHeader('set-cookie', `${cookieName(step)}=${attributes}0`)
    },
    formToken,
    isFormToken: (token, browser, step) => isSame(token ?? '', formToken(browser, step)),
  }
}

const signInOf = (step: string) => step.split('.')[0] ?? ''

/** Compares without telling by its duration where two values begin to differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const random = (bytes: number) => randomBytes(bytes).toString('base64url')
