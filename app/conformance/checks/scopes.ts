import { Agent } from 'node:http'
import { type Check, failed, type Judgement, mild, passed, skipped } from '../check.ts'
import { mcp, page, rfc } from '../documents.ts'
import { type Exchange, exchange } from '../exchange.ts'
import { answerOf, isServed, isSuccess, parameter } from '../facts.ts'
import type { Members } from '../issuer/tokens.ts'
import { hello, type Message, message } from '../messages.ts'
import { bearer, callTool, isLetThrough, openSession, present, question, withGood, withIssuer } from '../presenting.ts'
import { remembered, type Target } from '../target.ts'

const insufficient = mcp('Runtime Insufficient Scope Errors')
const ID = 'call-beyond-scope'
/** A tool of this name is unlikely to exist. */
const UNKNOWN_TOOL = 'idplug-conformance-unknown-tool'

const tokenOf = (target: Target) => target.tokens.token ?? ''
const lowOf = (target: Target) => target.tokens['low-scope-token'] ?? ''

/** The tool, called with a token that is not enough for it. */
const beyond = remembered((target: Target) => callTool(target, target.tool ?? '', lowOf(target), ID))

/** For checks that speak of the 403: skipped where there is none. */
function ofRefusal(judge: (found: Exchange, target: Target) => Judgement | Promise<Judgement>): Check['run'] {
  return async target => {
    const found = await beyond(target)
    return found.status === 403 ? judge(found, target) : skipped('the server does not answer 403 (S01)')
  }
}

/** Some servers let the tool look at the scopes, which a client cannot step up after. */
const refusesItself = ({ json }: Exchange) => (json?.result as { isError?: unknown } | undefined)?.isError === true

const REFUSED = skipped('the server refuses the low-scope token for everything (401), so it may have expired')

/** Whether the token that is not enough for the tool is good for anything. */
async function lowIsGood(target: Target): Promise<boolean> {
  const { message } = await question(target)
  return (await target.call(message, bearer(lowOf(target)))).status !== 401
}

const needs = ['token', 'low-scope-token', 'tool'] as const

/** What a token is not enough for. */
export const scopesChecks: readonly Check[] = [
  {
    id: 'S01',
    title: 'A tool that the token is not enough for is answered with HTTP 403',
    level: 'SHOULD',
    source: insufficient,
    tier: 1,
    needs,
    async run(target) {
      const found = await beyond(target)
      if (found.status === 403) return passed()
      if (found.status === 401 && !(await lowIsGood(target))) return REFUSED
      const how = !isServed(found)
        ? answerOf(found)
        : refusesItself(found)
          ? 'the refusal is a result of the tool (isError)'
          : 'the tool runs'
      return failed(`${how}, though the token is not enough for ${target.tool}`, found)
    },
  },
  {
    id: 'S02',
    title: 'The 403 says error="insufficient_scope"',
    level: 'SHOULD',
    source: insufficient,
    tier: 1,
    needs,
    run: ofRefusal(found => {
      const error = parameter(found, 'error')
      return error === 'insufficient_scope' ? passed() : failed(`error is ${error ?? 'missing'}`, found)
    }),
  },
  {
    id: 'S03',
    title: 'The 403 names every scope that the operation needs, at once',
    level: 'SHOULD',
    source: mcp(
      'Runtime Insufficient Scope Errors',
      'Whatever scope-inclusion strategy a server adopts, servers SHOULD include all scopes required for the current operation in a single challenge.',
    ),
    tier: 1,
    needs,
    run: ofRefusal(async (found, target) => {
      const scope = parameter(found, 'scope')
      if (scope === undefined) return failed('the challenge has no scope', found)
      if (!target.laboratory) return passed(`it names ${scope}; whether that is enough needs the issuer`)
      const token = await target.laboratory.issuer.token({ claims: { scope } })
      target.hide(token, '<a token with the scopes of the challenge>')
      const again = await callTool(target, target.tool ?? '', token)
      const isEnough = again.status !== 403 && again.status !== 401
      return isEnough
        ? passed()
        : failed(`a token with ${scope} alone is refused again (${answerOf(again)})`, found, again)
    }),
  },
  {
    id: 'S04',
    title: 'The 403 has resource_metadata, as the 401 has',
    level: 'SHOULD',
    source: insufficient,
    tier: 1,
    needs,
    run: ofRefusal(found =>
      parameter(found, 'resource_metadata') === undefined
        ? failed('the challenge has no resource_metadata', found)
        : passed(),
    ),
  },
  {
    id: 'S05',
    title: 'The 403 comes before any stream or partial result',
    level: 'practice',
    source: insufficient,
    tier: 1,
    needs,
    async run(target) {
      const found = await beyond(target)
      const isStream = found.headers.get('content-type')?.startsWith('text/event-stream') ?? false
      if (found.status === 403) return isStream ? failed('the 403 is an event stream', found) : passed()
      const isRefusal = !isServed(found) || refusesItself(found)
      return isStream && isRefusal
        ? failed('the refusal stands inside an event stream', found)
        : skipped('there is no 403 (S01)')
    },
  },
  {
    id: 'S06',
    title: 'The same call with enough scope is served',
    level: 'MUST',
    source: mcp('Token Handling'),
    tier: 1,
    needs: ['token', 'tool'],
    run: withGood(async target => {
      const found = await callTool(target, target.tool ?? '', tokenOf(target))
      if (isLetThrough(found)) return passed()
      const judge = found.status === 401 || found.status === 403 ? failed : mild
      return judge(`${answerOf(found)} to a good token`, found)
    }),
  },
  {
    id: 'S07',
    title: 'Where one scope implies another, the broader one is enough',
    level: 'MUST',
    source: mcp(
      'Step-Up Authorization Flow',
      'Servers MUST account for scope hierarchies, where a broader scope implies narrower ones, when deciding whether a token is sufficient for an operation.',
    ),
    tier: 2,
    needs: [...needs, 'issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const found = await beyond(target)
      const needed = scopesIn(found)
      if (found.status !== 403 || needed.length === 0)
        return skipped('the server names no scopes of the tool (S01, S03)')
      for (const scope of issuer.scopes.filter(each => !needed.includes(each))) {
        const label = `a token with ${scope} alone`
        const token = await issuer.token({ claims: { scope } })
        target.hide(token, `<${label}>`)
        if (!isSuccess(await callTool(target, target.tool ?? '', token))) continue
        // So it stands for each of the scopes of the tool, and has to do so everywhere.
        const rest = await present(target, token, label)
        const missing = scopesIn(rest)
        if (rest.status !== 403 || missing.some(each => !needed.includes(each))) {
          return passed(`${scope} implies ${needed.join(' ')}`)
        }
        const { message } = await question(target)
        return failed(
          `${scope} implies ${needed.join(' ')} for ${target.tool}, and does not for ${message.method}`,
          rest,
        )
      }
      return skipped('no scope of the server seems to imply those of the tool')
    }),
  },
  {
    id: 'S08',
    title: 'The challenge for an operation is the same each time',
    level: 'SHOULD',
    source: mcp(
      'Runtime Insufficient Scope Errors',
      'Servers SHOULD be consistent in their scope inclusion strategy to provide predictable behavior for clients.',
    ),
    tier: 1,
    needs,
    run: ofRefusal(async (found, target) => {
      const again = await callTool(target, target.tool ?? '', lowOf(target), ID)
      const same = parameter(found, 'scope') === parameter(again, 'scope') && again.status === found.status
      return same ? passed() : failed('two calls of the same tool are challenged differently', found, again)
    }),
  },
  {
    id: 'S09',
    title: 'A batch does not get past the scopes of the messages in it',
    level: 'practice',
    source: insufficient,
    tier: 1,
    needs,
    async run(target) {
      const { era } = await question(target)
      if (era === '2026-07-28') return skipped('the server speaks a revision without batches')
      const low = bearer(lowOf(target))
      const session = await openSession(target, era, low)
      const list = message(era, 'tools/list', {}, session, 1)
      const call = message(era, 'tools/call', { name: target.tool, arguments: {} }, session, 2)
      const batch: Message = { ...list, body: `[${list.body},${call.body}]` }
      const found = await target.call(batch, low)
      const isRun =
        isSuccess(found) && /"id":\s*2[,}\s]/.test(found.text) && !/"error"|"isError":\s*true/.test(found.text)
      return isRun ? failed(`the tool runs in a batch, though the token is not enough for it`, found) : passed()
    },
  },
  {
    id: 'S10',
    title: 'The list of tools needs no more than the least scope, and an unknown tool is no matter of scopes',
    level: 'practice',
    source: insufficient,
    tier: 1,
    needs: ['token', 'low-scope-token'],
    async run(target) {
      const { era } = await question(target)
      const low = bearer(lowOf(target))
      const session = await openSession(target, era, low)
      const list = await target.call(message(era, 'tools/list', {}, session), low)
      if (list.status === 401 && !(await lowIsGood(target))) return REFUSED
      if (!isServed(list)) return failed(`${answerOf(list)} to tools/list`, list)
      const unknown = await callTool(target, UNKNOWN_TOOL, lowOf(target))
      return unknown.status === 403 ? failed('an unknown tool is answered with 403', unknown) : passed()
    },
  },
  {
    id: 'S11',
    title: 'A token without any scope gets 403, not 401',
    level: 'SHOULD',
    source: rfc('RFC 6750', '3.1'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const token = await issuer.token({ claims: { scope: undefined } })
      const found = await present(target, token, 'a token without scopes')
      const { era } = await question(target)
      if (found.status === 403) return passed()
      if (!isServed(found)) return failed(`${answerOf(found)} to a token without scopes`, found)
      if (target.tool === undefined) return passed('the first request needs no scope')
      const call = await callTool(target, target.tool, token)
      return call.status === 403 ? passed() : failed(`${answerOf(call)} to ${target.tool} (${era})`, call)
    }),
  },
  {
    id: 'S12',
    title: 'The 403 has a body: JSON-RPC with the id of the request, or an OAuth error',
    level: 'practice',
    source: insufficient,
    tier: 1,
    needs,
    run: ofRefusal(found => {
      if (found.json === undefined) return failed('the body is not a JSON object', found)
      const { jsonrpc, id, error } = found.json
      if (jsonrpc === '2.0') return id === ID || id === null ? passed() : failed('the body has another id', found)
      return typeof error === 'string' ? passed() : failed('the body is neither JSON-RPC nor an OAuth error', found)
    }),
  },
  {
    id: 'S13',
    title: 'A retry with a better token works, on the same connection and in the same session',
    level: 'practice',
    source: insufficient,
    tier: 1,
    needs,
    async run(target) {
      const first = await beyond(target)
      if (first.status !== 403) return skipped('the server does not answer 403 (S01)')
      const { era } = await question(target)
      const session = await openSession(target, era, bearer(lowOf(target)))
      const call = message(era, 'tools/call', { name: target.tool, arguments: {} }, session, ID)
      const [refused, retried] = await onOneConnection(target, call, [lowOf(target), tokenOf(target)])
      if (refused?.status !== 403) return skipped(`the call is refused in another way on a connection that is kept`)
      if (retried && isLetThrough(retried)) return passed()
      const what = retried ? answerOf(retried) : 'no answer'
      return mild(`${what} to the same call with a better token`, ...(retried ? [retried] : []))
    },
  },
  {
    id: 'S14',
    title: 'A client that declares no capability is asked for nothing, and -32042 is not sent in 2026-07-28',
    level: 'MUST',
    source: {
      ...page(
        'MCP 2026-07-28, Multi Round-Trip Requests',
        'https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#server-requirements-basic-workflow',
      ),
      sentence:
        'Servers MUST NOT send an inputRequests that the client has not declared support for in its capabilities.',
    },
    tier: 1,
    needs: ['token', 'tool'],
    run: withGood(async target => {
      const good = bearer(tokenOf(target))
      if (!isServed(await target.call(hello('2026-07-28'), good)))
        return skipped('the server does not speak 2026-07-28')
      const call = message('2026-07-28', 'tools/call', { name: target.tool, arguments: {} }, {}, ID)
      const found = await target.call(call, good)
      if (found.status === 401 || found.status === 403)
        return skipped('the good token is not enough for the tool (S06)')
      const { result, error } = (found.json ?? {}) as { result?: Record<string, unknown>; error?: { code?: unknown } }
      if (error?.code === -32042) return failed('the answer is error -32042, which 2026-07-28 no longer has', found)
      const asked = Object.values(result?.inputRequests ?? {}).map(request => String((request as Members)?.method))
      return asked.length > 0
        ? failed(`asks for ${asked.join(', ')}, which the client has not declared`, found)
        : passed()
    }),
  },
]

const scopesIn = (found: Exchange): string[] => (parameter(found, 'scope') ?? '').split(' ').filter(Boolean)

/** Sends a message once for each token, one after the other, on a connection that is kept. */
async function onOneConnection(
  { url }: Target,
  { headers, body }: Message,
  tokens: readonly string[],
): Promise<Exchange[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const found: Exchange[] = []
  for (const token of tokens) {
    const request = { method: 'POST', url, headers: { ...headers, ...bearer(token) }, body }
    found.push(await exchange(request, { mayBePrivate: true, agent }))
  }
  agent.destroy()
  return found
}
