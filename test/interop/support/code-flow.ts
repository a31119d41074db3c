import { createHash, randomBytes } from 'node:crypto'
import { type Browser, createBrowser, type Page } from '../../support/browser.ts'
import { CALLBACK, type Client } from '../servers/server.ts'

export interface Tokens {
  readonly access: string
  readonly id?: string
  readonly refresh?: string
}

/** What metadata names; RFC 8414. */
export interface Endpoints {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly revocation_endpoint?: string
  /** How clients authenticate. Default: by a header. */
  readonly byForm?: boolean
}

export async function endpointsAt(metadataUrl: string): Promise<Endpoints> {
  return (await (await fetch(metadataUrl)).json()) as Endpoints
}

export interface CodeRequest {
  readonly client: Client
  readonly scope: string
  readonly resource?: string
}

/** The authorization code flow with PKCE, as any client of OAuth 2.1 goes through it. */
export async function codeFlow(
  endpoints: Endpoints,
  { client, scope, resource }: CodeRequest,
  signIn: (url: URL) => Promise<URL>,
): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(endpoints.authorization_endpoint)
  const parameters = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: CALLBACK,
    scope,
    state: randomBytes(16).toString('base64url'),
    nonce: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    // OpenID Connect Core §11: without it no refresh token needs to be given.
    ...(scope.includes('offline_access') && { prompt: 'consent' }),
    ...(resource !== undefined && { resource }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const callback = await signIn(url)
  const code = callback.searchParams.get('code')
  if (!code) throw new Error(`no code came back: ${callback}`)
  return askForTokens(endpoints, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: CALLBACK,
    code_verifier: verifier,
    ...(resource !== undefined && { resource }),
  })
}

/** @throws {Error} With the answer, unless it holds an access token. */
export async function askForTokens(
  { token_endpoint, byForm }: Pick<Endpoints, 'token_endpoint' | 'byForm'>,
  client: Client,
  body: Record<string, string>,
): Promise<Tokens> {
  const credentials = { client_id: client.id, client_secret: client.secret }
  const response = byForm
    ? await post(token_endpoint, { ...credentials, ...body })
    : await postAs(client, token_endpoint, body)
  const text = await response.text()
  const json = text.startsWith('{') ? JSON.parse(text) : {}
  if (!json.access_token) throw new Error(`no access token came back: ${response.status} ${text}`)
  return { access: json.access_token, id: json.id_token, refresh: json.refresh_token }
}

export function postAs({ id, secret }: Client, url: string, body: Record<string, string>): Promise<Response> {
  return post(url, body, { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })
}

function post(url: string, body: Record<string, string>, headers?: Record<string, string>): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { accept: 'application/json', ...headers },
    body: new URLSearchParams(body),
  })
}

/** A form on a page: recognized by the name of a field or button, and what is typed and pressed there. */
export type Form = readonly [field: string, fields: Record<string, string>]

/**
 * Plays the person: fills in whatever form of these comes up, until the browser is sent to another origin.
 *
 * @throws {Error} There is a page without any of the forms; the message holds it.
 */
export async function fillIn(url: URL, forms: readonly Form[], browser: Browser = createBrowser()): Promise<URL> {
  let page: Page = await browser.open(url)
  for (let steps = 0; page.url.origin === url.origin && steps < 6; steps++) {
    const form = forms.find(([field]) => page.text.includes(`name="${field}"`))
    if (!form) throw new Error(`no such form at ${page.url}, status ${page.status}:\n${page.text}`)
    page = await browser.submit(page, ...form)
  }
  return page.url
}
