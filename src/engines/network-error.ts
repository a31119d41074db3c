/** What kept an answer from coming, fit for a log: messages of the platform are left out, because they may quote the request. */
export interface NetworkFailure {
  /** Code of the system, e.g. `ECONNREFUSED`, or what a proxy answered. */
  readonly detail: string
  /** Where it is known what to change. */
  readonly cure?: string
}

/** Of an error that `fetch` rejects with. */
export function networkFailure(error: unknown): NetworkFailure {
  const chain = causesOf(error)
  // undici says it in a message only; its code for a refused tunnel is 0.
  const proxyStatus = chain
    .map(({ message }) => /^Proxy [^()]{0,40}\((\d{3})\)/.exec(String(message))?.[1])
    .find(Boolean)
  if (proxyStatus !== undefined) {
    const cure =
      proxyStatus === '407'
        ? 'Correct the user name and the password in HTTPS_PROXY or HTTP_PROXY (http://user:password@proxy:8080, percent-encoded).'
        : 'Let the proxy in HTTPS_PROXY or HTTP_PROXY reach the provider, or list the host in NO_PROXY.'
    return { detail: `the proxy answers ${proxyStatus}`, cure }
  }
  // Fetch standard, "Port blocking": ports of mail, X11, SIP and others, whoever listens there.
  if (chain.some(({ message }) => message === 'bad port')) {
    return { detail: 'fetch blocks this port', cure: 'Use another port: fetch never connects to this one.' }
  }
  const [top, cause] = chain
  const code = [cause?.code, top?.code].find(value => typeof value === 'string' && value !== '')
  return { detail: String(code ?? top?.name ?? 'unknown') }
}

/** Whether a code says that somebody answered a client of TLS in plain text: http is spoken where https was asked for. */
export function isPlainText(code: string): boolean {
  return code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
}

/** What an error may be, or what caused it. */
export interface Cause {
  readonly code?: unknown
  readonly name?: unknown
  readonly message?: unknown
  readonly cause?: unknown
}

/** The error, its cause, the cause of that: five at most. */
export function causesOf(error: unknown): readonly Cause[] {
  const chain: Cause[] = []
  for (let next = error; typeof next === 'object' && next !== null && chain.length < 5; next = (next as Cause).cause) {
    chain.push(next)
  }
  return chain
}
