import { isLoopback } from 'idplug/internal'
import { forbiddenHeaders, isExposed, SENT_HEADERS } from '../../web-pages.ts'
import { type Check, failed, type Judgement, mild, passed, skipped } from '../check.ts'
import { cors, everyRequest, mcp, page, validatedFirst } from '../documents.ts'
import type { Exchange, HeaderFields } from '../exchange.ts'
import { answerOf, ERAS, isServed, isSuccess, notJson, probe, probes } from '../facts.ts'
import type { Message } from '../messages.ts'
import { bearer, good, question } from '../presenting.ts'
import type { Target } from '../target.ts'

const STREAM: HeaderFields = { accept: 'text/event-stream' }
const FOREIGN = 'attacker.example'
const FLOOD_MESSAGES = 12_000
const QUICK_MILLISECONDS = 3_000

/** Other requests without a token. */
export const unauthenticatedChecks: readonly Check[] = [
  {
    id: 'C09',
    title: 'GET without a token gets 401, or 405 where there is no GET',
    level: 'practice',
    source: everyRequest,
    tier: 0,
    run: async target => judgeMethod(await target.send({ method: 'GET', headers: STREAM })),
  },
  {
    id: 'C10',
    title: 'DELETE without a token gets 401, or 405 where there is no DELETE',
    level: 'practice',
    source: everyRequest,
    tier: 0,
    async run(target) {
      const headers = { 'mcp-session-id': 'idplug-conformance', 'mcp-protocol-version': '2025-11-25' }
      return judgeMethod(await target.send({ method: 'DELETE', headers }))
    },
  },
  {
    id: 'C11',
    title: 'Preflights of web pages are answered without a token',
    level: 'practice',
    source: cors,
    tier: 0,
    async run(target) {
      const found = await target.send({
        method: 'OPTIONS',
        headers: {
          origin: originOf(target),
          'access-control-request-method': 'POST',
          'access-control-request-headers': SENT_HEADERS.join(','),
        },
      })
      if (!isSuccess(found))
        return failed(`${answerOf(found)}: clients that run in a browser cannot call the server`, found)
      if (!found.headers.has('access-control-allow-origin'))
        return failed('there is no Access-Control-Allow-Origin', found)
      const missing = forbiddenHeaders(SENT_HEADERS, found.headers)
      if (missing.length === 0) return passed()
      return failed(`Access-Control-Allow-Headers lacks ${missing.join(', ')}`, found)
    },
  },
  {
    id: 'C12',
    title: 'Web pages can read the challenge',
    level: 'practice',
    source: cors,
    tier: 0,
    async run(target) {
      const found = await target.call(await probe(target), { origin: originOf(target) })
      if (found.status !== 401) return skipped(`${answerOf(found)}, not 401, to a request with an Origin`)
      if (!found.headers.has('access-control-allow-origin')) {
        return failed('the 401 has no Access-Control-Allow-Origin: a page sees neither status nor challenge', found)
      }
      return isExposed('www-authenticate', found.headers)
        ? passed()
        : failed('Access-Control-Expose-Headers lacks WWW-Authenticate: a page cannot read where to sign in', found)
    },
  },
  {
    id: 'C13',
    title: 'No method is served without a token, but for those declared open',
    level: 'MUST',
    source: validatedFirst,
    tier: 0,
    run: judgeMethods,
  },
  {
    id: 'C14',
    title: 'A large body without a token is refused quickly',
    level: 'practice',
    source: page('CWE-770, Allocation of Resources Without Limits', 'https://cwe.mitre.org/data/definitions/770.html'),
    tier: 0,
    needs: ['own'],
    async run(target) {
      const { headers, body } = await probe(target)
      const found = await target.send({
        headers,
        body: `[${Array(FLOOD_MESSAGES).fill(body).join(',').slice(0, 1_000_000)}]`,
      })
      const after = await target.call(await probe(target))
      if (after.status === 0) return failed(`afterwards the server gives ${answerOf(after)}`, found, after)
      // Whoever refuses early may close the connection on what is still being sent.
      if (isSuccess(found) || found.status >= 500) return failed(`${answerOf(found)} to a body of 1 MB`, found)
      if (found.milliseconds > QUICK_MILLISECONDS) return failed(`the refusal took ${found.milliseconds} ms`, found)
      return passed()
    },
  },
  {
    id: 'C15',
    title: 'Without a token, invalid JSON gets 401, not 400',
    level: 'practice',
    source: mcp('Access Token Privilege Restriction', undefined, 'security'),
    tier: 0,
    async run(target) {
      const found = await notJson(target)
      if (found.status === 401) return passed()
      return failed(`${answerOf(found)}: the body is parsed before the caller is known`, found)
    },
  },
  {
    id: 'C16',
    title: 'Requests of a foreign web page are refused: Origin is checked',
    level: 'MUST',
    source: mcp(
      'Security & Endpoint',
      'Servers MUST validate the `Origin` header on all incoming connections to prevent DNS rebinding attacks. If the `Origin` header is present and invalid, servers MUST respond with HTTP 403 Forbidden.',
      'transport',
    ),
    tier: 0,
    run: target => judgeForeign(target, { origin: `https://${FOREIGN}` }, 'Origin'),
  },
  {
    id: 'C17',
    title: 'A server on this machine refuses a foreign Host',
    level: 'practice',
    source: mcp(
      'Security & Endpoint',
      'Without these protections, attackers could use DNS rebinding to interact with local MCP servers from remote websites.',
      'transport',
    ),
    tier: 0,
    async run(target) {
      if (!isLocal(target)) return skipped('the server is not on this machine')
      return judgeForeign(target, { host: FOREIGN }, 'Host')
    },
  },
]

function judgeMethod(found: Exchange): Judgement {
  if (found.status === 401) return passed()
  if (found.status === 405) return passed('405: the server does not have this method')
  return failed(`${answerOf(found)} to ${found.request.method} without a token`, found)
}

/** A page of the server itself: the one origin that no server takes for foreign. */
function originOf({ url }: Target): string {
  return new URL(url).origin
}

function isLocal({ url }: Target): boolean {
  return isLoopback(new URL(url).hostname)
}

async function judgeMethods(target: Target): Promise<Judgement> {
  const served: [string, Exchange][] = []
  const others: string[] = []
  for (const each of ERAS.flatMap(era => probes(era).map(message => ({ era, message })))) {
    const { era, message } = each
    if (target.openMethods.has(message.method)) continue
    const found = await target.call(message)
    if (isServed(found)) served.push([`${message.method} (${era})`, found])
    else if (found.status !== 401) others.push(`${message.method} (${era}) ${answerOf(found)}`)
  }
  const stream = await target.send({ method: 'GET', headers: STREAM })
  const isStream = isSuccess(stream) && stream.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream && !target.openMethods.has('GET')) served.push(['the event stream (GET)', stream])
  if (served.length > 0) {
    const names = served.map(([name]) => name).join(', ')
    return failed(`served without a token: ${names}`, ...served.slice(0, 2).map(([, found]) => found))
  }
  return passed(others.length > 0 ? `refused, though not with 401: ${others.join(', ')}` : undefined)
}

/** The caller must be refused for what the request says, which only shows where everything else would let it through. */
async function judgeForeign(target: Target, foreign: HeaderFields, name: 'Origin' | 'Host'): Promise<Judgement> {
  const { token } = target.tokens
  const isGood = token !== undefined && isServed(await good(target))
  const credentials = isGood ? bearer(token) : {}
  const message = isGood ? (await question(target)).message : ((await openMessage(target)) ?? (await probe(target)))
  const found = await target.call(message, { ...credentials, ...foreign })
  const isRefused =
    name === 'Origin' ? found.status === 403 : found.status >= 400 && found.status < 500 && found.status !== 401
  if (isRefused) return passed()
  if (name === 'Origin' && found.status >= 400 && found.status < 500 && found.status !== 401) {
    return mild(`refused, with ${answerOf(found)} and not 403`, found)
  }
  const allowed = found.headers.get('access-control-allow-origin')
  if (name === 'Origin' && (allowed === '*' || allowed === foreign.origin)) {
    const because = 'pages of every origin may call the server (Access-Control-Allow-Origin)'
    return isLocal(target) ? mild(`${because}, and it is on this machine`, found) : passed(because)
  }
  if (found.status === 401) {
    return skipped(`the server asks for a token before it looks at ${name}: needs --token-env or --token-stdin`)
  }
  return failed(`${answerOf(found)} to a request whose ${name} is ${FOREIGN}`, found)
}

/** A message that everybody may send. */
async function openMessage({ call, openMethods }: Target): Promise<Message | undefined> {
  for (const message of ERAS.flatMap(probes).filter(({ method }) => openMethods.has(method))) {
    if (isSuccess(await call(message))) return message
  }
  return undefined
}
