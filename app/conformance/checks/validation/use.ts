import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { type Check, failed, type Judgement, mild, passed, skipped } from '../../check.ts'
import { everyRequest, mcp, page, rfc, validatedFirst } from '../../documents.ts'
import { type Exchange, exchange, type HeaderFields } from '../../exchange.ts'
import { answerOf, isServed, isSuccess } from '../../facts.ts'
import type { Laboratory } from '../../laboratory.ts'
import { type Message, message } from '../../messages.ts'
import { bearer, callTool, eventually, openSession, present, question, withGood, withIssuer } from '../../presenting.ts'
import type { Target } from '../../target.ts'

const AT_ONCE = 50
const LIFETIME_SECONDS = 3
/** Tools that are called to see whose answer comes back. */
const MAX_TOOLS = 3

/** What a token opens, and for how long. */
export const useChecks: readonly Check[] = [
  {
    id: 'V24',
    title: 'A session is of no use to anybody but its user',
    level: 'SHOULD',
    source: {
      ...page(
        'MCP 2025-11-25, Security Best Practices, Session Hijacking',
        'https://modelcontextprotocol.io/docs/2025-11-25/tutorials/security/security_best_practices#session-hijacking',
      ),
      sentence: 'MCP servers SHOULD bind session IDs to user-specific information.',
    },
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(trySession),
  },
  {
    id: 'V25',
    title: 'Each request needs the token, also after one that had it',
    level: 'MUST',
    source: everyRequest,
    tier: 1,
    needs: ['token'],
    run: withGood(async target => {
      const { era } = await question(target)
      const session = await openSession(target, era, bearer(target.tokens.token ?? ''))
      const method = ['tools/list', 'ping'].find(method => !target.openMethods.has(method))
      if (method === undefined) return skipped('the methods that could be tried are open to everybody')
      const found = await target.call(message(era, method, {}, session))
      if (found.status === 401) return passed()
      const because = `${answerOf(found)} to the next request, which has no token`
      return isServed(found) ? failed(because, found) : mild(because, found)
    }),
  },
  {
    id: 'V26',
    title: 'A token that was accepted is refused once it has expired, and its stream ends or serves nothing more',
    level: 'practice',
    source: rfc('RFC 9068', '4'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(outlive),
  },
  {
    id: 'V28',
    title: `Answers never cross: ${AT_ONCE} requests at once of two users`,
    level: 'MUST',
    source: validatedFirst,
    tier: 2,
    needs: ['issuer', 'own'],
    run: withIssuer(crossUsers),
  },
  {
    id: 'V29',
    title: 'What a tool calls does not get the token of its caller',
    level: 'MUST',
    source: mcp(
      'Access Token Privilege Restriction',
      'The MCP server MUST NOT pass through the token it received from the MCP client.',
      'security',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer, downstreamTool }) => {
      if (downstreamTool === undefined) {
        return skipped(`needs a tool that calls ${issuer.downstreamUrl}: --downstream-tool`)
      }
      const before = issuer.calledDownstream().length
      const token = await issuer.token()
      target.hide(token, '<a good token>')
      const found = await callTool(target, downstreamTool, token)
      const calls = issuer.calledDownstream().slice(before)
      if (calls.length === 0)
        return skipped(`${downstreamTool} did not call ${issuer.downstreamUrl} (${answerOf(found)})`)
      const isLeaked = calls.some(call => call.includes(token))
      return isLeaked ? failed(`${downstreamTool} passes the caller's token on to what it calls`, found) : passed()
    }),
  },
]

async function trySession(target: Target, { issuer }: Laboratory): Promise<Judgement> {
  const { era } = await question(target)
  const tokens = {
    a: await issuer.token({ claims: { sub: 'user-a' } }),
    b: await issuer.token({ claims: { sub: 'user-b' } }),
  }
  target.hide(tokens.a, '<token of user A>')
  target.hide(tokens.b, '<token of user B>')
  const session = await openSession(target, era, bearer(tokens.a))
  if (Object.keys(session).length === 0) return skipped('the server keeps no sessions')
  const list = message(era, 'tools/list', {}, session)
  const own = await target.call(list, bearer(tokens.a))
  if (!isServed(own)) return skipped(`the session does not serve its own user (${answerOf(own)})`)
  // Otherwise B would be refused for another reason.
  if (Object.keys(await openSession(target, era, bearer(tokens.b))).length === 0)
    return skipped('user B gets no session')
  const foreign = await target.call(list, bearer(tokens.b))
  if (isServed(foreign)) return failed(`serves user B in a session of user A (${answerOf(foreign)})`, foreign)
  const headers = { ...session, ...bearer(tokens.b), accept: 'text/event-stream', 'mcp-protocol-version': era }
  const stream = await target.send({ method: 'GET', headers })
  if (isSuccess(stream)) return failed('opens a stream of the session of user A to user B', stream)
  const ended = await target.send({ method: 'DELETE', headers })
  const after = await target.call(list, bearer(tokens.a))
  return isServed(after) ? passed() : failed('user B can end a session of user A', ended, after)
}

/** A token that soon expires: accepted, then watched until it is refused. */
async function outlive(target: Target, laboratory: Laboratory): Promise<Judgement> {
  const { issuer, patienceSeconds } = laboratory
  const { era } = await question(target)
  const exp = Math.floor(Date.now() / 1000) + LIFETIME_SECONDS
  const token = await issuer.token({ claims: { exp } })
  const label = 'a token that has expired after it was accepted'
  target.hide(token, `<${label}>`)
  const session = await openSession(target, era, bearer(token))
  const stream = watchStream(target.url, { ...session, ...bearer(token), 'mcp-protocol-version': era })
  const first = await present(target, token, label)
  if (!isServed(first)) {
    stream.abort()
    return skipped(`a token that lasts ${LIFETIME_SECONDS} seconds is refused (${answerOf(first)})`)
  }
  await delay(Math.max(0, exp * 1000 - Date.now()))
  const ask = () => present(target, token, label)
  const { found, seconds, isThere } = await eventually(laboratory, ask, ({ status }) => status === 401)
  const isOpen =
    stream.isOpen() && !(await Promise.race([stream.ended.then(() => true), delay(patienceSeconds * 100, false)]))
  stream.abort()
  if (!isThere) return failed(`${answerOf(found)} to a token ${seconds} seconds after it expired`, found)
  const late = seconds > 1 ? ` ${seconds} seconds after it expired` : ''
  return passed(`the next request is refused${late}${isOpen ? '; a stream of that token stays open' : ''}`)
}

function watchStream(url: string, headers: HeaderFields) {
  let isOpen = false
  const open = url.startsWith('https:') ? httpsRequest : httpRequest
  const outgoing = open(url, {
    headers: { ...(headers as Record<string, string>), accept: 'text/event-stream' },
    agent: false,
  })
  const ended = new Promise<void>(resolve => {
    outgoing.on('response', response => {
      isOpen = response.statusCode === 200 && /^text\/event-stream/.test(response.headers['content-type'] ?? '')
      response.resume().on('close', () => {
        isOpen = false
        resolve()
      })
    })
    outgoing.on('error', () => resolve())
  })
  outgoing.end()
  return { ended, isOpen: () => isOpen, abort: () => void outgoing.destroy() }
}

async function crossUsers(target: Target, { issuer }: Laboratory): Promise<Judgement> {
  const { era } = await question(target)
  const users = await Promise.all(
    ['a', 'b'].map(async letter => {
      const subject = `conformance-${letter}-${crypto.randomUUID()}`
      const token = await issuer.token({ claims: { sub: subject } })
      target.hide(token, `<token of user ${letter.toUpperCase()}>`)
      return { subject, token, session: await openSession(target, era, bearer(token)) }
    }),
  )
  const [a, b] = users as [(typeof users)[0], (typeof users)[0]]
  const tools = harmlessTools(await target.call(message(era, 'tools/list', {}, a.session), bearer(a.token)))
  const calls = Array.from({ length: AT_ONCE }, (_, i) => {
    const [user, other] = i % 2 === 0 ? [a, b] : [b, a]
    const tool = tools[(i >> 1) % (tools.length + 1)]
    const id = `${i}-${user.subject}`
    const asked: Message = tool
      ? message(era, 'tools/call', { name: tool, arguments: {} }, user.session, id)
      : message(era, 'tools/list', {}, user.session, id)
    return { asked, user, other, id }
  })
  const found = await Promise.all(
    calls.map(async each => ({ ...each, answer: await atOnce(target, each.asked, each.user.token) })),
  )
  const crossed = found.find(({ answer, other }) => answer.text.includes(other.subject))
  if (crossed) return failed('an answer to one user has the id or the subject of the other', crossed.answer)
  const mistaken = found.find(({ answer: { json }, id }) => typeof json?.id === 'string' && json.id !== id)
  if (mistaken) return failed(`another id in the answer to one of ${AT_ONCE} requests at once`, mistaken.answer)
  const lost = found.find(({ answer }) => !isSuccess(answer))
  // Nothing has crossed: so many at once are too many.
  if (lost) return mild(`${answerOf(lost.answer)} to one of ${AT_ONCE} requests at once`, lost.answer)
  const shows = found.some(
    ({ answer, user, asked }) => asked.method === 'tools/call' && showsUser(answer, user.subject),
  )
  return passed(shows ? undefined : 'no tool that could be called shows who is calling; ids were compared')
}

function showsUser({ json }: Exchange, subject: string): boolean {
  return JSON.stringify(json?.result ?? '').includes(subject)
}

/** Past the target's gate: the requests have to overlap. */
function atOnce({ url }: Target, { headers, body }: Message, token: string): Promise<Exchange> {
  return exchange({ method: 'POST', url, headers: { ...headers, ...bearer(token) }, body }, { mayBePrivate: true })
}

/** Tools that say that they change nothing, and that need no arguments. */
function harmlessTools({ json }: Exchange): string[] {
  const { tools } = (json?.result ?? {}) as { tools?: unknown }
  if (!Array.isArray(tools)) return []
  const harmless = tools.filter(
    tool => tool?.annotations?.readOnlyHint === true && !tool?.inputSchema?.required?.length,
  )
  return harmless.slice(0, MAX_TOOLS).map(tool => String(tool.name))
}
