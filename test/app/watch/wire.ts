import { onTestFinished, vi } from 'vitest'

/** Members of bodies and queries that may be told. All others are secret, or nobody's business. */
const HARMLESS = new Set([
  'client_id',
  'client_name',
  'client_uri',
  'code_challenge_method',
  'error',
  'error_description',
  'grant_type',
  'iss',
  'prompt',
  'redirect_uri',
  'resource',
  'response_type',
  'scope',
  'token_endpoint_auth_method',
  'token_type',
])
/** Words that stand in answers for another reason. */
const LEAST_LENGTH = 12

/** Collects what is secret of all that clients and browsers send and get by `fetch`. */
export function collectSecrets(): () => ReadonlySet<string> {
  const found = new Set<string>()
  const add = (value: unknown) => {
    if (typeof value === 'string' && value.length >= LEAST_LENGTH) found.add(value)
  }
  const pairs = (parameters: URLSearchParams) => {
    for (const [name, value] of parameters) if (!HARMLESS.has(name)) add(value)
  }
  const url = (text: string) => {
    const parsed = URL.parse(text)
    if (!parsed) return
    pairs(parsed.searchParams)
    // Names of sign-ins stand in paths.
    add(/^\/oauth\/authorize\/(.+)$/.exec(parsed.pathname)?.[1])
  }
  const json = (text: string) => {
    try {
      const body = JSON.parse(text) as Record<string, unknown>
      for (const name of ['access_token', 'refresh_token', 'client_secret', 'registration_access_token', 'id_token']) {
        add(body[name])
      }
    } catch {
      // A page, or a stream.
    }
  }
  const cookies = (text: string | null) => {
    for (const pair of text?.split(/;\s*|,\s*/) ?? [])
      add(/^[\w-]*(?:sign-in|session|interaction|resume)[\w.-]*=(.+)$/.exec(pair)?.[1])
  }
  const { fetch } = globalThis
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    url(request.url)
    add(request.headers.get('authorization')?.split(' ')[1])
    cookies(request.headers.get('cookie'))
    if (typeof init?.body === 'string' || init?.body instanceof URLSearchParams) {
      const text = String(init.body)
      if (text.startsWith('{')) json(text)
      else pairs(new URLSearchParams(text))
    }
    const response = await fetch(input, init)
    for (const line of response.headers.getSetCookie()) cookies(line)
    url(response.headers.get('location') ?? '')
    if (response.headers.get('content-type')?.includes('json')) json(await response.clone().text())
    if (response.headers.get('content-type')?.includes('html')) {
      const text = await response.clone().text()
      for (const [, address = ''] of text.matchAll(/content="\d+;url=([^"]*)"/g)) {
        url(address.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))))
      }
      for (const [, value] of text.matchAll(/name="form_token" value="([^"]*)"/g)) add(value)
    }
    return response
  })
  onTestFinished(() => void vi.restoreAllMocks())
  return () => found
}
