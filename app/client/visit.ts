import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline/promises'
import { icon, stylesheet } from '../../demo-as/pages/assets.ts'
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
  /** Tells the person something. */
  readonly say: (text: string) => void
  /** Longest wait in milliseconds. */
  readonly wait?: number
}

const WAIT_MILLISECONDS = 300_000
const PATH = '/callback'
const KEPT_CLIENT = 'If that page says that the client is unknown, stop this and sign in with --register.\n'

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
      say(`Waiting for ${Math.ceil(wait / 60_000)} minutes at most.`)
      if (isAsWanted) say(options.redirectUri === undefined ? KEPT_CLIENT : givenClient(redirectUri))
      const back = waitForReturn(server, new URL(redirectUri), wait)
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

function waitForReturn(server: Server, redirectUri: URL, wait: number): Promise<URLSearchParams> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new VisitError('the browser did not come back in time; start again'))
    const timer = setTimeout(late, wait)
    server.on('request', ({ method, url: target = '/' }, response) => {
      const { pathname, searchParams } = new URL(target, redirectUri)
      // Browsers ask for an icon as well, and other programs of this machine for whatever they like.
      const isAnswer = method === 'GET' && pathname === redirectUri.pathname && searchParams.has('state')
      response.writeHead(isAnswer ? 200 : 404, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; style-src data:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        connection: 'close',
      })
      response.end(isAnswer ? donePage(searchParams.has('error')) : 'Nothing here.', () => {
        if (!isAnswer) return
        clearTimeout(timer)
        resolve(searchParams)
      })
    })
  })
}

/** Comes whole: the server behind it is about to end. */
function donePage(isError: boolean): string {
  const page = isError
    ? messagePage('Not signed in', 'The terminal says why. You can close this page.')
    : messagePage('Back to the terminal', 'The sign-in continues there. You can close this page.')
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
          if (URL.canParse(pasted) && pasted.startsWith(redirectUri)) return new URL(pasted).searchParams
          if (pasted) options.say(`That is not the address: it must begin with ${redirectUri}.`)
        }
      } finally {
        lines.close()
      }
      throw new VisitError('nothing was pasted')
    },
    close() {},
  }
}
