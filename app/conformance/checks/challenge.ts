import { parameterOf, parseChallenges } from '../challenge.ts'
import { type Check, failed, type Judgement, mild, passed, skipped } from '../check.ts'
import { errorMessages, mcp, noCredentials, noOfflineAccess, rfc } from '../documents.ts'
import {
  answerOf,
  atChallenge,
  atPath,
  bare,
  challenge,
  challengeOf,
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
    source: noCredentials,
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
    source: noOfflineAccess,
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
    source: errorMessages,
    tier: 0,
    async run(target) {
      const { pathname } = new URL(target.url)
      for (const found of [await bare(target), await madeUp(target), await notJson(target)]) {
        // That of the endpoint may look like one of the machine.
        const leak = leakIn(pathname === '/' ? found.text : found.text.replaceAll(pathname, ''))
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
  const known = await metadata(target)
  if (known?.via === 'challenge') return passed()
  const url = parameterOf(await challenge(target), 'resource_metadata')
  const named = await atChallenge(target)
  const shown = named ?? (await bare(target))
  const problem = named
    ? `${answerOf(named)} without a JSON object at the URL that the challenge names`
    : 'resource_metadata is not an absolute URL'
  if (!known) {
    const nowhere = 'there is no metadata at the well-known URLs'
    const because = url === undefined ? 'the challenge has no resource_metadata' : problem
    return failed(`${because}, and ${nowhere}`, shown, await atPath(target))
  }
  const place = `at the well-known URL ${known.via === 'path' ? 'with the path of the endpoint' : 'at the root'}`
  if (url === undefined) return passed(`only ${place}; the challenge does not name it`)
  // One of the two is what a server has to do. Clients go by the challenge where there is one.
  return mild(`${problem}; there is metadata ${place}, where clients do not look then`, shown)
}

/** @returns What is wrong with a field, or `undefined`. */
function grammarProblem(field: string): string | undefined {
  const { problem, challenges } = parseChallenges(field)
  if (problem !== undefined) return `WWW-Authenticate cannot be parsed: ${problem}`
  for (const { scheme, parameters } of challenges.filter(({ scheme }) => scheme === 'bearer' || scheme === 'dpop')) {
    // RFC 9449 §7.2 itself shows such a one beside a challenge for DPoP.
    if (scheme === 'bearer' && parameters.length === 0 && !challenges.some(each => each.scheme === 'dpop')) {
      return 'Bearer is followed by no parameter; RFC 6750 §3: “This scheme MUST be followed by one or more auth-param values.”'
    }
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
