import { isDeepStrictEqual } from 'node:util'
import { parameterOf } from '../../challenge.ts'
import { type Check, failed, type Judgement, mild, passed, skipped } from '../../check.ts'
import { cors, mcp, page, rfc } from '../../documents.ts'
import type { Exchange } from '../../exchange.ts'
import {
  answerOf,
  atChallenge,
  atPath,
  atRoot,
  bare,
  challenge,
  isDocument,
  isSuccess,
  MADE_UP,
  type Metadata,
  metadata,
  probe,
} from '../../facts.ts'
import type { Target } from '../../target.ts'

/** For checks of a document that was found. */
export function ofMetadata(
  judge: (found: Metadata, target: Target) => Judgement | Promise<Judgement>,
): (target: Target) => Promise<Judgement> {
  return async target => {
    const known = await metadata(target)
    return known ? judge(known, target) : skipped('there is no metadata (C04)')
  }
}

const FOREIGN = 'attacker.example'
const FORWARDED = {
  forwarded: `host=${FOREIGN};proto=http`,
  'x-forwarded-host': FOREIGN,
  'x-forwarded-proto': 'http',
  'x-original-url': `https://${FOREIGN}/mcp`,
}

/** Where protected resource metadata is, and to whom it answers. */
export const locationChecks: readonly Check[] = [
  {
    id: 'P01',
    title: 'Metadata is at the well-known URL with the path of the endpoint inserted',
    level: 'MUST',
    source: rfc(
      'RFC 9728',
      '3',
      "Protected resources supporting metadata MUST make a JSON document containing metadata as specified in Section 2 available at a URL formed by inserting a well-known URI string into the protected resource's resource identifier between the host component and the path and/or query components, if any.",
    ),
    tier: 0,
    async run(target) {
      const found = await atPath(target)
      if (isDocument(found)) return passed()
      const because = `${answerOf(found)}${found.status === 200 ? ' without a JSON object' : ''}`
      // MCP takes any of three places; clients that go by RFC 9728 alone know this one.
      const known = await metadata(target)
      return known
        ? mild(`${because}; clients of MCP find it all the same (${known.found.request.url})`, found)
        : failed(because, found)
    },
  },
  {
    id: 'P02',
    title: 'At the root there is metadata as well, or clearly nothing',
    level: 'practice',
    source: mcp('Protected Resource Metadata Discovery Requirements', undefined, 'discovery'),
    tier: 0,
    async run(target) {
      const found = await atRoot(target)
      if (isDocument(found)) return passed()
      if (found.status >= 400 && found.status < 500) return passed('nothing there')
      return failed(
        `${answerOf(found)} without a JSON object: clients that look there first take it for metadata`,
        found,
      )
    },
  },
  {
    id: 'P21',
    title: 'Metadata is given without credentials, and with bad ones',
    level: 'MUST',
    source: mcp('Protected Resource Metadata Discovery Requirements', undefined, 'discovery'),
    tier: 0,
    run: ofMetadata(async ({ found: { request } }, target) => {
      const headers = { ...request.headers, authorization: `Bearer ${MADE_UP}` }
      const found = await target.send({ ...request, headers })
      // Clients ask without credentials; no sentence says what those are told that bring bad ones.
      return found.status === 200 ? passed() : mild(`${answerOf(found)} to a request with a made-up token`, found)
    }),
  },
  {
    id: 'P22',
    title: 'Web pages of every origin can read the metadata',
    level: 'practice',
    source: cors,
    tier: 0,
    run: ofMetadata(async ({ found: { request } }, target) => {
      const origin = 'https://client.example'
      const found = await target.send({ ...request, headers: { ...request.headers, origin } })
      const allowed = found.headers.get('access-control-allow-origin')
      if (allowed !== '*' && allowed !== origin) {
        return failed(`Access-Control-Allow-Origin is ${allowed ?? 'absent'}`, found)
      }
      const headers = {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'mcp-protocol-version',
      }
      const preflight = await target.send({ method: 'OPTIONS', url: request.url, headers })
      return isSuccess(preflight) ? passed() : failed(`${answerOf(preflight)} to the preflight`, preflight)
    }),
  },
  {
    id: 'P23',
    title: 'Metadata answers HEAD, and no POST',
    level: 'practice',
    source: rfc(
      'RFC 9728',
      '3.1',
      'A protected resource metadata document MUST be queried using an HTTP GET request at the previously specified URL.',
    ),
    tier: 0,
    run: ofMetadata(async ({ found }, target) => {
      const { request } = found
      const head = await target.send({ ...request, method: 'HEAD' })
      if (head.status !== 200) return failed(`${answerOf(head)} to HEAD`, head)
      if (!isOfServer(found, target)) return passed('it is on another host, where no POST was tried')
      const posted = await target.send({ ...request, method: 'POST', body: '' })
      return isSuccess(posted) ? failed(`${answerOf(posted)} to POST`, posted) : passed()
    }),
  },
  {
    id: 'P24',
    title: 'What the server publishes does not follow the Host or X-Forwarded-* of a stranger',
    level: 'practice',
    source: page('CWE-348, Use of Less Trusted Source', 'https://cwe.mitre.org/data/definitions/348.html'),
    tier: 0,
    run: judgeForwarded,
  },
  {
    id: 'P25',
    title: 'The challenge names metadata on the origin of the server',
    level: 'practice',
    source: rfc('RFC 9728', '7.7'),
    tier: 0,
    async run(target) {
      const url = parameterOf(await challenge(target), 'resource_metadata')
      if (url === undefined || !URL.canParse(url)) return skipped('the challenge names no URL (C04)')
      const { origin } = new URL(url)
      if (origin === new URL(target.url).origin) return passed()
      return failed(`it is on ${origin}: clients that guard against forged requests refuse it`, await bare(target))
    },
  },
  {
    id: 'P26',
    title: 'The challenge and the well-known URL lead to the same document',
    level: 'practice',
    source: rfc('RFC 9728', '3'),
    tier: 0,
    async run(target) {
      const [named, path] = [await atChallenge(target), await atPath(target)]
      if (!named || !isDocument(named)) return skipped('the challenge leads to no document (C04)')
      if (!isDocument(path)) return skipped('there is none at the well-known URL (P01)')
      return isDeepStrictEqual(named.json, path.json) ? passed() : failed('the two documents differ', named, path)
    },
  },
]

async function judgeForwarded(target: Target): Promise<Judgement> {
  const known = await metadata(target)
  const message = await probe(target)
  for (const [name, headers] of [
    ['X-Forwarded-Host', FORWARDED],
    ['Host', { host: FOREIGN }],
  ] as const) {
    const answers = [await target.call(message, headers)]
    if (known && isOfServer(known.found, target)) {
      const { request } = known.found
      answers.push(await target.send({ ...request, headers: { ...request.headers, ...headers } }))
    }
    const echo = answers.find(echoes)
    if (echo) return failed(`the server publishes ${FOREIGN}, which stood in ${name}`, echo)
  }
  return passed()
}

/** The person has named one host; others, which the server names, are only read. */
function isOfServer({ request }: Exchange, target: Target): boolean {
  return new URL(request.url).hostname === new URL(target.url).hostname
}

/** A refusal may say what it refuses; clients act on challenges and documents. */
function echoes({ status, headers, text }: Exchange): boolean {
  const published = status === 200 ? text : ''
  return `${headers.get('www-authenticate')} ${published}`.includes(FOREIGN)
}
