import { parameterOf, parseChallenges } from '../challenge.ts'
import { type Check, failed, type Judgement, passed, skipped } from '../check.ts'
import { mcp, page, rfc } from '../documents.ts'
import {
  answerOf,
  atChallenge,
  atPath,
  atRoot,
  bare,
  challenge,
  challengeOf,
  isDocument,
  isSuccess,
  madeUp,
  metadata,
  notJson,
} from '../facts.ts'
import type { Target } from '../target.ts'

const NO_CHALLENGE = skipped('there is no challenge (C01, C02)')

/** What a request without a token is answered. */
export const challengeChecks: readonly Check[] = [
  {
    id: 'C01',
    title: 'A request without a token gets 401',
    level: 'MUST',
    source: mcp('Error Handling', 'Servers MUST return appropriate HTTP status codes for authorization errors'),
    tier: 0,
    async run(target) {
      const found = await bare(target)
      if (found.status === 401) return passed()
      const hint = isSuccess(found) ? '; if this method is meant to be open, say so with --anonymous' : ''
      return failed(`${answerOf(found)}${hint}`, found)
    },
  },
  {
    id: 'C02',
    title: 'The 401 says how to authenticate: WWW-Authenticate with Bearer or DPoP',
    level: 'MUST',
    source: rfc(
      'RFC 6750',
      '3',
      'If the protected resource request does not include authentication credentials or does not contain an access token that enables access to the protected resource, the resource server MUST include the HTTP "WWW-Authenticate" response header field',
    ),
    tier: 0,
    async run(target) {
      const found = await bare(target)
      if (found.status !== 401) return skipped('the server does not answer 401 (C01)')
      if (!found.headers.has('www-authenticate')) return failed('there is no WWW-Authenticate header', found)
      return challengeOf(found) ? passed() : failed('WWW-Authenticate has no challenge for Bearer or DPoP', found)
    },
  },
  {
    id: 'C03',
    title: 'The challenge for a request without a token has no error',
    level: 'SHOULD',
    source: rfc(
      'RFC 6750',
      '3.1',
      'If the request lacks any authentication information (e.g., the client was unaware that authentication is necessary or attempted using an unsupported authentication method), the resource server SHOULD NOT include an error code or other error information.',
    ),
    tier: 0,
    async run(target) {
      const asked = await challenge(target)
      if (!asked) return NO_CHALLENGE
      const error = parameterOf(asked, 'error')
      if (error === undefined) return passed()
      return failed(`the challenge says error="${error}", though there was no token to be wrong`, await bare(target))
    },
  },
  {
    id: 'C04',
    title: 'A client can find the metadata: by the challenge or at a well-known URL',
    level: 'MUST',
    source: mcp(
      'Protected Resource Metadata Discovery Requirements',
      'MCP servers MUST implement one of the following discovery mechanisms to provide authorization server location information to MCP clients',
      'discovery',
    ),
    tier: 0,
    run: judgeDiscovery,
  },
  {
    id: 'C05',
    title: 'The challenge names the scopes to ask for',
    level: 'SHOULD',
    source: mcp(
      'Scope Selection Strategy',
      'MCP servers SHOULD include a `scope` parameter in the `WWW-Authenticate` header as defined in RFC 6750 Section 3 to indicate the scopes required for accessing the resource.',
    ),
    tier: 0,
    async run(target) {
      const asked = await challenge(target)
      if (!asked) return NO_CHALLENGE
      if (parameterOf(asked, 'scope') !== undefined) return passed()
      if ((await metadata(target))?.document.scopes_supported === undefined) {
        return skipped('the server publishes no scopes, so there may be none to ask for')
      }
      return failed('the metadata lists scopes, and the challenge has no scope', await bare(target))
    },
  },
  {
    id: 'C06',
    title: 'The challenge does not ask for offline_access',
    level: 'SHOULD',
    source: mcp(
      'Refresh Tokens',
      'MCP Servers (Protected Resources) SHOULD NOT include `offline_access` in `WWW-Authenticate` scope or Protected Resource Metadata `scopes_supported`, as refresh tokens are not a resource requirement.',
    ),
    tier: 0,
    async run(target) {
      const asked = await challenge(target)
      if (!asked) return NO_CHALLENGE
      const scopes = parameterOf(asked, 'scope')?.split(' ') ?? []
      return scopes.includes('offline_access') ? failed('scope has offline_access', await bare(target)) : passed()
    },
  },
  {
    id: 'C07',
    title: 'Challenges follow the grammar: quoting, no parameter twice, allowed characters',
    level: 'MUST',
    source: rfc('RFC 6750', '3', 'The "scope" attribute MUST NOT appear more than once.'),
    tier: 0,
    async run(target) {
      const answers = [await bare(target), await madeUp(target)]
      const read = answers.filter(({ headers }) => headers.has('www-authenticate'))
      if (read.length === 0) return NO_CHALLENGE
      for (const found of read) {
        const problem = grammarProblem(found.headers.get('www-authenticate') ?? '')
        if (problem) return failed(problem, found)
      }
      return passed()
    },
  },
  {
    id: 'C08',
    title: 'Refusals show no stack trace and no path of the machine',
    level: 'practice',
    source: page(
      'CWE-209, Error Message Containing Sensitive Information',
      'https://cwe.mitre.org/data/definitions/209.html',
    ),
    tier: 0,
    async run(target) {
      for (const found of [await bare(target), await madeUp(target), await notJson(target)]) {
        const leak = leakIn(found.text)
        if (leak) return failed(`the body has ${leak}`, found)
      }
      return passed()
    },
  },
  {
    id: 'C18',
    title: 'The 401 is not meant for caches',
    level: 'practice',
    source: rfc('RFC 9111', '5.2.2'),
    tier: 0,
    async run(target) {
      const found = await bare(target)
      if (found.status !== 401) return skipped('the server does not answer 401 (C01)')
      const control = found.headers.get('cache-control')?.toLowerCase() ?? ''
      const isStored = /\bpublic\b|\bs?-?max-?age=[1-9]/.test(control) && !/no-store/.test(control)
      return isStored ? failed(`Cache-Control: ${control} lets caches keep the refusal`, found) : passed()
    },
  },
]

async function judgeDiscovery(target: Target): Promise<Judgement> {
  const asked = await challenge(target)
  const url = parameterOf(asked, 'resource_metadata')
  const answer = await bare(target)
  if (url !== undefined && !URL.canParse(url)) return failed('resource_metadata is not an absolute URL', answer)
  const named = await atChallenge(target)
  if (named) {
    if (isDocument(named)) return passed()
    return failed(`${answerOf(named)} without a JSON object at the URL that the challenge names`, named)
  }
  for (const [place, find] of [
    ['with the path of the endpoint', atPath],
    ['at the root', atRoot],
  ] as const) {
    if (isDocument(await find(target)))
      return passed(`only at the well-known URL ${place}; the challenge does not name it`)
  }
  return failed(
    'the challenge has no resource_metadata, and there is no metadata at the well-known URLs',
    answer,
    await atPath(target),
  )
}

/** @returns What is wrong with a field, or `undefined`. */
function grammarProblem(field: string): string | undefined {
  const { problem, challenges } = parseChallenges(field)
  if (problem !== undefined) return `WWW-Authenticate cannot be parsed: ${problem}`
  for (const { scheme, parameters } of challenges.filter(({ scheme }) => scheme === 'bearer' || scheme === 'dpop')) {
    if (scheme === 'bearer' && parameters.length === 0) return 'Bearer is followed by no parameter'
    const names = parameters.map(([name]) => name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice) return `the parameter ${twice} is there more than once`
    for (const [name, value] of parameters) {
      const allowed = CHARACTERS[name]
      if (allowed && !allowed.test(value)) return `${name} has characters that it may not have, or is empty`
    }
  }
  return undefined
}

/** RFC 6750 §3. */
const CHARACTERS: Readonly<Record<string, RegExp>> = {
  scope: /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/,
  error: /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/,
  error_description: /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/,
  error_uri: /^[\x21\x23-\x5b\x5d-\x7e]+$/,
}

const LEAKS: readonly [what: string, pattern: RegExp][] = [
  [
    'a stack trace',
    /\n\s+at \S.*[:(]\S*:\d+|Traceback \(most recent call last\)|\bFile "[^"]+", line \d+|goroutine \d+ \[/,
  ],
  [
    'a path of the machine',
    /(?:^|["'\s(])(?:\/(?:home|usr|var|opt|root|app|srv|Users)\/[\w.-]+\/|[A-Z]:\\\\?(?:Users|app|inetpub)\\)/,
  ],
]

function leakIn(body: string): string | undefined {
  const text = body
    .replaceAll('\\n', '\n')
    .replaceAll('\\"', '"')
    .replace(/<br\s*\/?>/gi, '\n')
    .replace(/&nbsp;/gi, ' ')
  return LEAKS.find(([, pattern]) => pattern.test(text))?.[0]
}
