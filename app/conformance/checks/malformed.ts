import { type Check, failed, type Judgement, mild, passed, skipped } from '../check.ts'
import { errorMessages, invalidTokens, mcp, noCredentials, notInQuery, rfc } from '../documents.ts'
import type { Exchange, HeaderFields } from '../exchange.ts'
import { answerOf, bare, isServed, isSuccess, MADE_UP, madeUp, metadata, parameter, probe } from '../facts.ts'
import { good, question } from '../presenting.ts'
import { remembered, type Target } from '../target.ts'

const MALFORMED = rfc(
  'RFC 6750',
  '3.1',
  'The request is missing a required parameter, includes an unsupported parameter or parameter value, repeats the same parameter, uses more than one method for including an access token, or is otherwise malformed. The resource server SHOULD respond with the HTTP 400 (Bad Request) status code.',
)
const ONE_METHOD = rfc(
  'RFC 6750',
  '2',
  'Clients MUST NOT use more than one method to transmit the token in each request.',
)
const HEADER_ONLY = mcp(
  'Token Requirements',
  'MCP client MUST use the Authorization request header field defined in OAuth 2.1 Section 5.1.1',
)
const NEEDS_GOOD = 'the made-up token was refused first: needs a good one, by --token-env or --token-stdin'

/** Credentials that are not as they should be. */
const all: readonly Check[] = [
  {
    id: 'B01',
    title: 'Bearer without a token gets 400 invalid_request, or 401 without error',
    level: 'SHOULD',
    source: MALFORMED,
    tier: 0,
    run: target => answersAll(target, ['Bearer', 'Bearer '], ({ status }) => status === 400),
  },
  {
    id: 'B02',
    title: 'Two Authorization headers are refused with 400',
    level: 'SHOULD',
    source: MALFORMED,
    tier: 0,
    async run(target) {
      const { token } = target.tokens
      const found = await ask(target, { authorization: [`Bearer ${token ?? MADE_UP}`, `Bearer ${MADE_UP}`] })
      return judgeTwo(target, found, 'two Authorization headers')
    },
  },
  {
    id: 'B03',
    title: 'A token in the header and one in the URL are refused with 400',
    level: 'SHOULD',
    source: ONE_METHOD,
    tier: 0,
    async run(target) {
      const { token } = target.tokens
      const found = await ask(target, { authorization: `Bearer ${token ?? MADE_UP}` }, withQuery(target, MADE_UP))
      return judgeTwo(target, found, 'a token in the header and one in the URL')
    },
  },
  {
    id: 'B04',
    title: 'A token in the URL is not accepted',
    level: 'MUST',
    source: notInQuery,
    tier: 0,
    run: target => judgeElsewhere(target, 'the URL', token => ask(target, {}, withQuery(target, token))),
  },
  {
    id: 'B05',
    title: 'A token in a form body is not accepted',
    level: 'MUST',
    source: HEADER_ONLY,
    tier: 0,
    run: target =>
      judgeElsewhere(target, 'the body', async token => {
        const { headers } = await probe(target)
        const body = new URLSearchParams({ access_token: token }).toString()
        return target.send({ headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body })
      }),
  },
  {
    id: 'B07',
    title: 'Other authentication schemes get 401 without error',
    level: 'SHOULD',
    source: noCredentials,
    tier: 0,
    run(target) {
      const basic = Buffer.from('idplug:conformance').toString('base64')
      return answersAll(target, [`Basic ${basic}`, 'Negotiate YII=', 'Unheard-of abc'])
    },
  },
  {
    id: 'B08',
    title: 'Tokens with odd characters, and very long ones, are refused, and the server goes on',
    level: 'practice',
    source: rfc('RFC 6750', '2.1'),
    tier: 0,
    run: judgeOdd,
  },
  {
    id: 'B09',
    title: 'A made-up token gets 401 with error="invalid_token" and resource_metadata',
    level: 'MUST',
    source: invalidTokens,
    tier: 0,
    run: judgeMadeUp,
  },
  {
    id: 'B10',
    title: 'No answer repeats the token',
    level: 'practice',
    source: errorMessages,
    tier: 0,
    async run(target) {
      const [opaque, jwt] = [await madeUp(target), await madeUpJwt(target)]
      for (const [found, token] of [
        [opaque, MADE_UP],
        [jwt.found, jwt.token],
      ] as const) {
        const everything = `${[...found.headers].join('\n')}\n${found.text}`
        if (everything.includes(token)) return failed('the answer holds the token that was sent', found)
      }
      return passed()
    },
  },
  {
    id: 'B12',
    title: 'A token in a cookie is ignored',
    level: 'practice',
    source: HEADER_ONLY,
    tier: 0,
    run: target =>
      judgeElsewhere(target, 'a cookie', token => {
        const names = ['access_token', 'token', 'authorization', 'session']
        return ask(target, { cookie: names.map(name => `${name}=${token}`).join('; ') })
      }),
  },
]

export const malformedChecks: readonly Check[] = all.map(check => ({
  ...check,
  async run(target) {
    if (isSuccess(await bare(target))) return skipped('the server serves everybody, whatever they send (C01)')
    return check.run(target)
  },
}))

async function ask(target: Target, headers: HeaderFields, url = target.url): Promise<Exchange> {
  // With a good token among them, the message must be one that it lets through.
  const { body, headers: own } = (await hasGood(target)) ? (await question(target)).message : await probe(target)
  return target.send({ url, headers: { ...own, ...headers }, body })
}

/** Sends credentials that hold no bearer token, each of which must be answered 401 without error, or as is fine as well. */
async function answersAll(
  target: Target,
  credentials: readonly string[],
  isFine: (found: Exchange) => boolean = () => false,
): Promise<Judgement> {
  for (const authorization of credentials) {
    const found = await ask(target, { authorization })
    const error = parameter(found, 'error')
    if (isFine(found) || (found.status === 401 && error === undefined)) continue
    return failed(`${answerOf(found)}${error ? ` with error="${error}"` : ''}`, found)
  }
  return passed()
}

function withQuery({ url }: Target, token: string): string {
  const changed = new URL(url)
  changed.searchParams.set('access_token', token)
  return changed.href
}

/** Without a good token among them, a refusal may be due to the made-up ones. */
async function judgeTwo(target: Target, found: Exchange, what: string): Promise<Judgement> {
  if (found.status === 400) return passed()
  if (isSuccess(found) || found.status >= 500) return failed(`${answerOf(found)} to ${what}`, found)
  if (!(await hasGood(target))) return skipped(NEEDS_GOOD)
  return passed(`refused with ${answerOf(found)}`)
}

async function hasGood(target: Target): Promise<boolean> {
  return target.tokens.token !== undefined && isServed(await good(target))
}

/** Shows a token where it must not be. A good one must not be let in; where there is none, the answer to a made-up one is a hint. */
async function judgeElsewhere(
  target: Target,
  where: string,
  show: (token: string) => Promise<Exchange>,
): Promise<Judgement> {
  const found = await show(MADE_UP)
  if (isServed(found)) return failed(`${answerOf(found)} to a request whose only token is in ${where}`, found)
  if (await hasGood(target)) {
    const good = await show(target.tokens.token ?? '')
    // Refused all the same, as for a scope: the server has read it.
    const isRead = found.status === 401 && good.status !== 401 && good.status >= 400 && good.status < 500
    return isServed(good) || isRead
      ? failed(`${answerOf(good)} to a good token in ${where}, and ${answerOf(found)} to a made-up one`, good)
      : passed()
  }
  const isRead = parameter(found, 'error') === 'invalid_token' && parameter(await bare(target), 'error') === undefined
  return isRead
    ? mild(`error="invalid_token": the server seems to look for tokens in ${where}; with --token-env it shows`, found)
    : passed()
}

const ODD: readonly (readonly [what: string, token: string])[] = [
  ['spaces', 'a b c'],
  ['quotation marks', 'a"b\\"c'],
  ['control characters', 'a\u0001b\u007f'],
  ['characters beyond ASCII', 'a\u00fc\u00ff'],
  ['64 KiB', 'a'.repeat(65_536)],
]
const REFUSALS = [400, 401, 403, 413, 414, 431]

async function judgeOdd(target: Target): Promise<Judgement> {
  for (const [what, token] of ODD) {
    const found = await ask(target, { authorization: `Bearer ${token}` })
    // A server may close the connection on what it cannot read.
    if (found.status !== 0 && !REFUSALS.includes(found.status)) {
      return failed(`${answerOf(found)} to a token with ${what}`, found)
    }
    if (found.status !== 0) continue
    const after = await target.call(await probe(target))
    if (after.status === 0)
      return failed(`after a token with ${what}, the server gives ${answerOf(after)}`, found, after)
  }
  return passed()
}

/** A made-up token in the form of a JWT: some servers decode first, and fail. */
const madeUpJwt = remembered(async (target: Target) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const issuer = [(await metadata(target))?.document.authorization_servers].flat()[0] ?? 'https://issuer.example'
  const claims = { iss: issuer, aud: target.url, sub: 'idplug-conformance', exp: 4_102_444_800, scope: '*' }
  const signature = Buffer.alloc(256, 7).toString('base64url')
  const token = `${part({ alg: 'RS256', typ: 'at+jwt', kid: 'idplug-conformance' })}.${part(claims)}.${signature}`
  target.hide(token, '<JWT with a made-up signature>')
  return { token, found: await ask(target, { authorization: `Bearer ${token}` }) }
})

async function judgeMadeUp(target: Target): Promise<Judgement> {
  const answers = [await madeUp(target), (await madeUpJwt(target)).found]
  const wrong = answers.find(({ status }) => status !== 401 && status !== 503)
  if (wrong) return failed(`${answerOf(wrong)} to a made-up token`, wrong)
  if (answers.some(({ status }) => status === 503))
    return skipped('the server cannot tell now whether tokens are good (503)')
  for (const found of answers) {
    if (parameter(found, 'error') !== 'invalid_token') {
      return mild('the 401 does not say error="invalid_token", so that a client cannot tell what is wrong', found)
    }
    if (parameter(found, 'resource_metadata') === undefined && parameter(await bare(target), 'resource_metadata')) {
      return mild('the challenge lacks resource_metadata, which it has where there is no token', found)
    }
  }
  return passed()
}
