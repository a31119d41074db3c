import { type Check, failed, type Judgement, mild, passed, skipped } from '../check.ts'
import { mcp } from '../documents.ts'
import type { Exchange } from '../exchange.ts'
import { answerOf, isServed } from '../facts.ts'
import type { Endpoint, Outage } from '../issuer/issuer.ts'
import { createSigningKey, withBrokenSignature } from '../issuer/tokens.ts'
import type { Laboratory } from '../laboratory.ts'
import { eventually, present, presentPatiently, withIssuer } from '../presenting.ts'
import type { Target } from '../target.ts'

// No specification says what a server answers while its issuer is away; clients end a session at every 401.
const source = mcp('Error Handling')
const SLOW_SECONDS = 30
/** Longest wait that counts as bounded. */
const BOUND_SECONDS = 20
const PROMPT_MILLISECONDS = 5000

/** What happens while the server's issuer does not answer. */
export const outageChecks: readonly Check[] = [
  {
    id: 'O01',
    title: 'While the keys cannot be fetched, tokens signed with a known key are accepted',
    level: 'practice',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      await present(target, await issuer.token(), 'a good token')
      issuer.fail('jwks', { kind: 'down' })
      const found = await present(target, await issuer.token(), 'a good token')
      return isServed(found) ? passed() : failed(`${answerOf(found)} to a token signed with a known key`, found)
    }, 'jwt'),
  },
  {
    id: 'O02',
    title: 'Keys that could never be fetched: 503 with Retry-After, and no invalid_token',
    level: 'practice',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(startWithoutKeys, 'jwt'),
  },
  {
    id: 'O03',
    title: 'Introspection fails, limits requests, or cannot be reached: 503 with Retry-After',
    level: 'practice',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const outages: Readonly<Record<string, Outage>> = {
        'answers 500': { kind: 'status', status: 500 },
        'answers 429': { kind: 'status', status: 429 },
        'cannot be reached': { kind: 'down' },
      }
      for (const [how, outage] of Object.entries(outages)) {
        const found = await during(target, laboratory, 'introspection', outage)
        const problem = problemOf(found)
        if (problem !== undefined) return failed(`${problem} while introspection ${how}`, found)
        if (!found.headers.has('retry-after'))
          return mild(`the 503 while introspection ${how} has no Retry-After`, found)
        await settle(target, laboratory)
      }
      return passed()
    }, 'introspection'),
  },
  {
    id: 'O04',
    title: "Introspection refuses the server's own credentials: 5xx, as no other token would do",
    level: 'practice',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const found = await during(target, laboratory, 'introspection', { kind: 'status', status: 401 })
      await settle(target, laboratory)
      return found.status >= 500 ? passed() : failed(`${answerOf(found)} while introspection answers 401`, found)
    }, 'introspection'),
  },
  {
    id: 'O05',
    title: 'While the issuer is away a forged token is never accepted, and refused where that can be told',
    level: 'MUST',
    source: mcp(
      'Token Handling',
      'MCP servers MUST only accept tokens that are valid for use with their own resources.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(tryForged),
  },
  {
    id: 'O06',
    title: 'After an outage tokens are accepted again, without a restart',
    level: 'practice',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const { issuer } = laboratory
      const endpoint = endpointOf(laboratory)
      const key = endpoint === 'jwks' ? await issuer.publishKey() : issuer.key
      issuer.fail(endpoint, { kind: 'down' })
      const ask = async () => present(target, await issuer.token({ key }), 'a good token')
      for (let i = 0; i < 3; i++) await ask()
      issuer.recover()
      const { found, seconds, isThere } = await eventually(laboratory, ask, isServed)
      return isThere ? passed(`after ${seconds} seconds`) : failed(`${answerOf(found)} after ${seconds} seconds`, found)
    }),
  },
  {
    id: 'O07',
    title: 'While the issuer is slow, answers take a bounded time, and known tokens do not wait',
    level: 'practice',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(trySlow),
  },
]

const endpointOf = ({ issuer }: Laboratory): Endpoint => (issuer.mode === 'jwt' ? 'jwks' : 'introspection')

/** The answer to a new good token during an outage. */
async function during(target: Target, { issuer }: Laboratory, endpoint: Endpoint, outage: Outage): Promise<Exchange> {
  issuer.fail(endpoint, outage)
  const found = await present(target, await issuer.token(), 'a good token')
  issuer.recover()
  return found
}

/** Waits until new tokens are accepted again: some servers leave a failed issuer alone for a while. */
function settle(target: Target, laboratory: Laboratory) {
  laboratory.issuer.recover()
  const ask = async () => present(target, await laboratory.issuer.token(), 'a good token')
  return eventually(laboratory, ask, isServed)
}

function problemOf(found: Exchange): string | undefined {
  return found.status === 503 ? undefined : `${answerOf(found)}, not 503,`
}

async function startWithoutKeys(target: Target, laboratory: Laboratory): Promise<Judgement> {
  const { issuer, restart } = laboratory
  if (!restart) return skipped('needs a server that has forgotten the keys: --server-command')
  const token = await issuer.token()
  issuer.fail('jwks', { kind: 'down' })
  const answers = await restart()
  const found = answers ? await present(target, token, 'a good token') : undefined
  issuer.recover()
  const isBack = answers ? (await settle(target, laboratory)).isThere : await restart()
  if (!found) return skipped('the server does not start while the keys cannot be fetched')
  const problem = problemOf(found)
  if (problem !== undefined) return failed(`${problem} to a good token whose key cannot be fetched`, found)
  if (!isBack) return failed('the server accepts no token after the keys can be fetched again', found)
  return found.headers.has('retry-after') ? passed() : mild('the 503 has no Retry-After', found)
}

async function tryForged(target: Target, laboratory: Laboratory): Promise<Judgement> {
  const { issuer } = laboratory
  const endpoint = endpointOf(laboratory)
  const stranger = await createSigningKey()
  const token = await issuer.token()
  const isJwt = issuer.mode === 'jwt'
  // The keys of the issuer are known to the server, or are not.
  if (isJwt) await present(target, token, 'a good token')
  issuer.fail(endpoint, { kind: 'down' })
  const forged = isJwt ? await issuer.token({ key: stranger }) : 'forged-opaque-token'
  const before = issuer.received(endpoint)
  // Some servers do not look for keys again that they have just fetched; what they do afterwards counts.
  const isAsked = (found: Exchange) => isServed(found) || issuer.received(endpoint) > before
  const { found: unknown } = await eventually(laboratory, () => present(target, forged, 'a forged token'), isAsked)
  const broken = isJwt
    ? await present(target, withBrokenSignature(token), 'a token with a broken signature')
    : undefined
  await settle(target, laboratory)
  const accepted = [unknown, broken].find(found => found && isServed(found))
  if (accepted) return failed('accepts a forged token while the issuer is away', accepted)
  return broken && broken.status !== 401
    ? mild(`${answerOf(broken)}, not 401, to a token with a broken signature, whose key is known`, broken)
    : passed()
}

async function trySlow(target: Target, laboratory: Laboratory): Promise<Judgement> {
  const { issuer } = laboratory
  const endpoint = endpointOf(laboratory)
  const isJwt = issuer.mode === 'jwt'
  const known = await issuer.token()
  await present(target, known, 'a good token')
  const key = isJwt ? await issuer.publishKey() : issuer.key
  const before = issuer.received(endpoint)
  issuer.fail(endpoint, { kind: 'slow', seconds: SLOW_SECONDS })
  let prompt: Exchange | undefined
  const ask = async () => {
    const token = await issuer.token({ key })
    const slow = presentPatiently(target, token, 'a good token that the issuer is slow about', BOUND_SECONDS * 1000)
    if (isJwt) prompt = await present(target, known, 'a good token')
    return slow
  }
  // Some servers do not ask for keys again that they have just been given.
  const { found } = await eventually(laboratory, ask, () => issuer.received(endpoint) > before)
  await settle(target, laboratory)
  if (found.status === 0) return failed(`no answer within ${BOUND_SECONDS} seconds`, found)
  if (prompt && (!isServed(prompt) || prompt.milliseconds > PROMPT_MILLISECONDS)) {
    return failed('a token signed with a known key waits while another key is fetched', prompt)
  }
  const problem = problemOf(found)
  return problem === undefined ? passed() : failed(`${problem} while the issuer is slow`, found)
}
