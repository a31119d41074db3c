/** A page as a person sees it: where it is, and what can be done on it. */
export interface Page {
  url: URL
  status: number
  text: string
  headers: Headers
}

export interface Browser {
  /** The `Cookie` header that a request for `url` would carry. */
  cookiesFor(url: URL): string
  /**
   * Goes to an address, following redirects and refreshing pages as long as they stay on the origin of the address.
   *
   * @param headers - What a browser with a screen says about the navigation, as `sec-fetch-site`. Default: nothing.
   */
  open(url: string | URL, headers?: Record<string, string>): Promise<Page>
  /**
   * Submits the form of a page that has the field or button `name`; hidden fields and ticked boxes are sent along as they are.
   *
   * @param fields - What is typed and pressed; `undefined` leaves a field out, a list ticks these boxes of that name and no others.
   */
  submit(page: Page, name: string, fields: Record<string, string | readonly string[] | undefined>): Promise<Page>
}

/**
 * A browser without a screen: cookies by path, redirects, forms and refreshing pages.
 *
 * @param fetch - How it reaches servers. Default: over the network.
 */
export function createBrowser(fetch: typeof globalThis.fetch = globalThis.fetch): Browser {
  const cookies = new Map<string, { pair: string; path: string }>()
  const cookiesFor = (url: URL) =>
    [...cookies.values()]
      .filter(({ path }) => isBelow(url.pathname, path))
      .map(({ pair }) => pair)
      .join('; ')

  async function visit(url: URL, init: RequestInit = {}): Promise<Page> {
    for (let hops = 0; hops < 20; hops++) {
      const headers = { ...init.headers, cookie: cookiesFor(url) }
      const response = await fetch(url, { ...init, redirect: 'manual', headers })
      for (const line of response.headers.getSetCookie()) keep(line, url)
      const page = { url, status: response.status, text: await response.text(), headers: response.headers }
      const next = nextAddress(page)
      if (!next) return page
      if (next.origin !== url.origin) return { ...page, url: next, text: '' }
      url = next
      init = {}
    }
    throw new Error(`the pages go round in circles at ${url}`)
  }

  function keep(line: string, url: URL): void {
    const [pair = '', ...attributes] = line.split(';').map(part => part.trim())
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    const attribute = (key: string) => attributes.find(text => text.toLowerCase().startsWith(`${key}=`))?.split('=')[1]
    const path = attribute('path') ?? url.pathname.replace(/\/[^/]*$/, '')
    // One name may stand for several paths.
    if (value) cookies.set(`${name} ${path}`, { pair, path })
    else cookies.delete(`${name} ${path}`)
  }

  return {
    cookiesFor,
    open: (url, headers) => visit(new URL(url), { headers }),
    submit(page, name, fields) {
      const forms = page.text.match(/<form[\s\S]*?<\/form>/g) ?? []
      const form = forms.find(text => text.includes(`name="${name}"`))
      if (!form) throw new Error(`no form with "${name}" on ${page.url}, status ${page.status}:\n${page.text}`)
      const body = new URLSearchParams()
      for (const [field] of form.matchAll(/<input\b[^>]*\btype="(?:hidden|checkbox)"[^>]*>/g)) {
        const isSent = field.includes('type="hidden"') || / checked\b/.test(field)
        if (isSent) body.append(attributeOf(field, 'name'), attributeOf(field, 'value'))
      }
      for (const [key, value] of Object.entries(fields)) {
        body.delete(key)
        for (const one of [value ?? []].flat()) body.append(key, one)
      }
      return visit(new URL(attributeOf(form, 'action'), page.url), {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: body.toString(),
      })
    },
  }
}

export interface SignInOptions {
  /** Whom the person picks or types on the sign-in page. Default `ada`. */
  user?: string
  /** What the person presses on the consent page. Default `allow`. */
  decision?: 'allow' | 'deny'
  /** Default: a new one without cookies. */
  browser?: Browser
  /** Origin of the provider where the person signs in, when the authorization server sends them on. */
  provider?: string
}

/**
 * Plays the person: opens the authorization request, signs in and decides.
 *
 * @returns Where the browser was sent in the end: the redirect URI of the client, with the answer in its query.
 * @throws {Error} The browser ended on a page instead; the message holds it.
 */
export async function signIn(
  authorizeUrl: string | URL,
  { user = 'ada', decision = 'allow', browser = createBrowser(), provider }: SignInOptions = {},
): Promise<URL> {
  const origin = new URL(authorizeUrl).origin
  const isUnderWay = ({ url }: Page) => url.origin === origin || url.origin === provider
  let page = await browser.open(authorizeUrl)
  for (let steps = 0; isUnderWay(page) && steps < 6; steps++) {
    // A page without text is one of another origin, which the browser has not opened yet.
    if (page.text === '') page = await browser.open(page.url)
    else if (page.text.includes('name="decision"')) page = await browser.submit(page, 'decision', { decision })
    else if (page.text.includes('name="user"')) page = await browser.submit(page, 'user', { user })
    else break
  }
  if (isUnderWay(page)) throw new Error(`ended on ${page.url}, status ${page.status}:\n${page.text}`)
  return page.url
}

function nextAddress({ url, status, text, headers }: Page): URL | undefined {
  const location = headers.get('location')
  if (status >= 300 && status < 400 && location) return new URL(location, url)
  const refresh = /<meta http-equiv="refresh" content="\d+;url=([^"]*)"/.exec(text)?.[1]
  return refresh === undefined ? undefined : new URL(unescaped(refresh), url)
}

function attributeOf(markup: string, name: string): string {
  return unescaped(new RegExp(`${name}="([^"]*)"`).exec(markup)?.[1] ?? '')
}

function unescaped(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
}

const isBelow = (path: string, prefix: string) => path === prefix || path.startsWith(prefix.replace(/\/?$/, '/'))
