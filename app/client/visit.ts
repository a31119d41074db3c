import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline/promises'
import { icon, stylesheet } from '../../demo-as/pages/assets.ts'
import type { Html } from '../../demo-as/pages/html.ts'
import { messagePage } from '../../demo-as/pages/messages.ts'
import type { Visit } from './grants.ts'

/** The person did not come back, or what came back is no answer. */
export class VisitError extends Error {
  override name = 'VisitError'
}

export interface VisitOptions {
  /** Where the browser returns to, with a path and a port. Default: the one used last time, else a free port. */
  readonly redirectUri?: string
  /** Opens a browser. Default: the person is only told the URL. */
  readonly openBrowser?: (url: string) => Promise<unknown>
  /** The person's browser may be on another machine: they are told what to do then. Default: no. */
  readonly mayBeElsewhere?: boolean
  /** Tells the person something. */
  readonly say: (text: string) => void
  /** Longest wait in milliseconds. */
  readonly wait?: number
}

const WAIT_MILLISECONDS = 300_000
const PATH = '/callback'
const KEPT_CLIENT =
  'If that page says that the application is unknown, stop this (Ctrl+C) and run idplug login URL --register, with the URL of the server.\n'

const ELSEWHERE =
  'A browser on another machine cannot come back here. If yours is on one, as over SSH, stop this with Ctrl+C and add --paste to the command, or --device, which shows a code to enter there.\n'

/** Providers tell it to the person only, on a page of theirs. */
const givenClient = (redirectUri: string) =>
  `If that page says that the redirect URI is wrong, stop this and register ${redirectUri} for this client at the provider.\n`

/** Listens on loopback for the browser (RFC 8252 §7.3). If the port used last time is taken, uses a free one. */
export async function listenForBrowser(options: VisitOptions, keptRedirectUri?: string): Promise<Visit> {
  const { openBrowser, say, wait = WAIT_MILLISECONDS } = options
  const wanted = options.redirectUri ?? keptRedirectUri
  const server = createServer()
  try {
    await listen(server, wanted ? new URL(wanted) : new URL('http://127.0.0.1:0'))
  } catch (error) {
    if (options.redirectUri !== undefined) {
      const { code } = error as NodeJS.ErrnoException
      throw new VisitError(`cannot listen at ${options.redirectUri} (${code}); another program may be using that port`)
    }
    await listen(server, new URL('http://127.0.0.1:0'))
  }
  const { port } = server.address() as AddressInfo
  const isAsWanted = wanted !== undefined && Number(new URL(wanted).port) === port
  const redirectUri = isAsWanted ? wanted : `http://127.0.0.1:${port}${PATH}`
  return {
    redirectUri,
    async go(url) {
      say(`Sign in at ${url.host} in your browser${purposeOf(url)}. If none opens, go to:\n\n  ${url.href}\n`)
      if (options.mayBeElsewhere) say(ELSEWHERE)
      say(`Waiting for ${Math.ceil(wait / 60_000)} minutes at most.`)
      if (isAsWanted) say(options.redirectUri === undefined ? KEPT_CLIENT : givenClient(redirectUri))
      const back = waitForReturn(server, new URL(redirectUri), { state: url.searchParams.get('state'), wait, say })
      // A browser that cannot be opened is not an error: the person has the URL.
      openBrowser?.(url.href).catch(() => undefined)
      return back
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Without it, nobody knows why a browser opens in the middle of a call. */
function purposeOf(url: URL): string {
  const scopes = (url.searchParams.get('scope') ?? '')
    .split(' ')
    .filter(scope => SCOPE.test(scope) && scope !== 'offline_access')
  return scopes.length > 0 ? `, for ${scopes.join(' ')}` : ''
}

/** RFC 6749 §3.3: nothing that would move a cursor. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/

async function listen(server: Server, { hostname, port }: URL): Promise<void> {
  server.listen(Number(port), hostname.replace(/^\[|\]$/g, ''))
  await once(server, 'listening')
}

interface Awaited {
  readonly state: string | null
  /** In milliseconds. */
  readonly wait: number
  readonly say: (text: string) => void
}

/** Only the answer to this sign-in ends the wait (RFC 6749 §10.12): anybody's page can send a browser to this address. */
function waitForReturn(server: Server, redirectUri: URL, { state, wait, say }: Awaited): Promise<URLSearchParams> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new VisitError('the browser did not come back in time; start again'))
    const timer = setTimeout(late, wait)
    let isToldOfOthers = false
    server.on('request', ({ method, url: target = '/' }, response) => {
      const { pathname, searchParams } = new URL(target, redirectUri)
      const end = (status: number, text: string, then?: () => void) => {
        response.writeHead(status, HEADERS)
        response.end(text, then)
      }
      // Browsers ask for an icon as well, and other programs of this machine for whatever they like.
      if (method !== 'GET' || pathname !== redirectUri.pathname) return end(404, 'Nothing here.')
      if (!state || searchParams.get('state') !== state) {
        if (!isToldOfOthers)
          say('The browser came back with the answer to another sign-in. Still waiting for this one.')
        isToldOfOthers = true
        return end(400, foreignPage())
      }
      end(200, donePage(searchParams.has('error')), () => {
        clearTimeout(timer)
        resolve(searchParams)
      })
    })
  })
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src data:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  connection: 'close',
}

function foreignPage(): string {
  return whole(
    messagePage(
      'Not the answer to this sign-in',
      'The terminal waits for another sign-in, and ignored this one.',
      'Finish the sign-in whose address the terminal shows. If you just did, start it again there: the provider did not send back the state of the request.',
    ),
  )
}

function donePage(isError: boolean): string {
  return whole(
    isError
      ? messagePage('Not signed in', 'The terminal says why. You can close this page.')
      : messagePage('Back to the terminal', 'The sign-in continues there. You can close this page.'),
  )
}

/** A page in one piece: the server behind it is about to end. */
function whole(page: Html): string {
  return page.render({
    mount: '',
    branding: {},
    stylesheet: dataUrl('text/css', stylesheet()),
    picture: dataUrl('image/svg+xml', icon),
  })
}

const dataUrl = (type: string, text: string) => `data:${type};base64,${Buffer.from(text).toString('base64')}`

/** For a machine without a browser: the person signs in on another one, and brings back where that ended up. */
export async function askForUrl(options: VisitOptions, keptRedirectUri?: string): Promise<Visit> {
  const redirectUri = options.redirectUri ?? keptRedirectUri ?? `http://127.0.0.1:8765${PATH}`
  const isKept = options.redirectUri === undefined && keptRedirectUri !== undefined
  return {
    redirectUri,
    async go(url) {
      options.say(
        `Open this on any machine and sign in:\n\n  ${url.href}\n\nThe last page will not load; that is expected. Copy its address from the browser and paste it here.\n`,
      )
      if (isKept) options.say(KEPT_CLIENT)
      const lines = createInterface({ input: process.stdin, output: process.stderr })
      try {
        for await (const line of lines) {
          const pasted = line.trim()
          if (URL.canParse(pasted) && pasted.startsWith(redirectUri)) {
            const { searchParams } = new URL(pasted)
            if (searchParams.get('state') === url.searchParams.get('state')) return searchParams
            options.say('That is the address of another sign-in: use the page that was opened last.')
          } else if (pasted) options.say(`That is not the address: it must begin with ${redirectUri}.`)
        }
      } finally {
        lines.close()
      }
      throw new VisitError('nothing was pasted')
    },
    close() {},
  }
}
