import { createAuth } from '../../../auth/create-auth.ts'
import { describeReason, type RefusalReason } from '../../../src/reasons.ts'
import { type Client, type InteropServer, OTHER_RESOURCE, PEOPLE, RESOURCE, SCOPES } from '../servers/server.ts'

/** A protected resource as an operator sets it up, and what it says to tokens. */
export interface Resource {
  /** How far our clock is ahead of everybody else's. */
  clockSeconds: number
  /** What it decides, in a sentence: who was accepted, or status and reason. Names of this run are put as words. */
  ask(token: string): Promise<string>
  /** When the token that was accepted last expires, in seconds since the Unix epoch. */
  readonly expiresAt: number
  close(): Promise<void>
}

export function createResource(server: InteropServer, env: Readonly<Record<string, string>>): Resource {
  let reason: RefusalReason | undefined
  let expiresAt = 0
  let clockSeconds = 0
  const auth = createAuth(
    {
      name: 'Interop',
      resource: RESOURCE,
      scopes: Object.fromEntries(SCOPES.map(scope => [scope, scope])),
      initialScopes: SCOPES.slice(0, 1),
    },
    {
      env: { TOKEN_CACHE_SECONDS: '0', ...env },
      now: () => Date.now() + clockSeconds * 1000,
      observer: { decision: decision => (reason = decision.outcome === 'refused' ? decision.reason : undefined) },
    },
  )
  const { host, pathname } = new URL(RESOURCE)
  return {
    get clockSeconds() {
      return clockSeconds
    },
    set clockSeconds(seconds) {
      clockSeconds = seconds
    },
    get expiresAt() {
      return expiresAt
    },
    async ask(token) {
      const headers: Record<string, string> = { host, authorization: `Bearer ${token}` }
      const head = { method: 'POST', url: pathname, header: (name: string) => [headers[name] ?? []].flat() }
      const answer = await auth.authenticate(head)
      if (answer.outcome !== 'accepted') return inWords(`${answer.status} ${reason && describeReason(reason)}`, server)
      const { subject, clientId, scopes, expiresAt: end = 0 } = answer.token ?? {}
      expiresAt = end
      return inWords(`accepted: ${subject} by ${clientId} for ${scopes?.join(' ')}`, server)
    },
    close: () => auth.close(),
  }
}

/** Replaces what is another in each run: addresses, ids and times. */
export function inWords(text: string, { issuer, clients, subjectOf }: InteropServer): string {
  const ids = Object.entries(clients).map(([name, { id }]: [string, Client]) => [id, `client ${name}`])
  const subjects = PEOPLE.map(name => [subjectOf(name), name])
  const names: string[][] = [
    ...ids,
    ...subjects,
    [issuer, 'ISSUER'],
    [new URL(issuer).origin, 'SERVER'],
    [issuer.replace('http://', ''), 'HOST'],
    [RESOURCE, 'RESOURCE'],
    [OTHER_RESOURCE, 'OTHER'],
  ]
  const longestFirst = names.filter(([value]) => value).sort(([a = ''], [b = '']) => b.length - a.length)
  const marked = longestFirst.reduce((words, [value = '', word = '']) => words.replaceAll(whole(value), word), text)
  // Which of its addresses was asked first is nobody's business.
  return marked
    .replace(/\b\d{10}\b/g, 'TIME')
    .replace(/(keyId) \S+/, '$1 KEY')
    .replace(/(endpoint) (ISSUER|SERVER)[^;]*/, '$1 SERVER')
}

/** The value where no letter or digit goes on before or after it. */
function whole(value: string): RegExp {
  return new RegExp(`(?<![\\w-])${value.replace(/[^\w-]/g, '\\$&')}(?![\\w-])`, 'g')
}
