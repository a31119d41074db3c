import { type Check, failed, passed, skipped } from '../../check.ts'
import { mcp, ownAudience, rfc } from '../../documents.ts'
import { dpopOffer } from '../../dpop-offer.ts'
import { answerOf, isServed } from '../../facts.ts'
import { message } from '../../messages.ts'
import { bearer, good, minted, openSession, present, question, refusesAll, withIssuer } from '../../presenting.ts'

const exactIssuer = rfc(
  'RFC 9068',
  '4',
  'The issuer identifier for the authorization server (which is typically obtained during discovery) MUST exactly match the value of the "iss" claim.',
)
const HOUR = 3600

/** What a token says. */
export const claimChecks: readonly Check[] = [
  {
    id: 'V01',
    title: 'A good token is accepted',
    level: 'MUST',
    source: mcp('Token Handling'),
    tier: 1,
    needs: ['token'],
    async run(target) {
      const found = await good(target)
      if (isServed(found)) return passed()
      const { isRequired } = await dpopOffer(target)
      return isRequired
        ? skipped('the server takes only tokens that are bound to a key (D02)')
        : failed(`${answerOf(found)} to a good token`, found)
    },
  },
  {
    id: 'V02',
    title: 'A token for another server is refused',
    level: 'MUST',
    source: ownAudience,
    tier: 1,
    needs: ['other-audience-token'],
    async run(target) {
      // Where there is a good token, one that is refused says that others would be as well.
      if (target.has('token') && !isServed(await good(target))) return skipped('the server refuses a good token (V01)')
      const token = target.tokens['other-audience-token'] ?? ''
      return refusesAll(target, [{ label: 'a token for another server', token }])
    },
  },
  {
    id: 'V03',
    title: 'A token that names no audience is refused',
    level: 'MUST',
    source: ownAudience,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(
      async (target, laboratory) =>
        refusesAll(
          target,
          await minted(laboratory, {
            'a token without aud': { claims: { aud: undefined } },
            'a token with an empty aud': { claims: { aud: '' } },
            'a token whose aud is an empty list': { claims: { aud: [] } },
          }),
        ),
      'jwt',
    ),
  },
  {
    id: 'V04',
    title: 'A token for several servers, this one among them, is accepted or refused by policy',
    level: 'practice',
    source: rfc('RFC 9068', '3'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const token = await issuer.token({ claims: { aud: [issuer.audience, 'https://other.example/mcp'] } })
      const found = await present(target, token, 'a token for this server and another')
      if (isServed(found)) return passed('it is accepted')
      return found.status === 401 ? passed('it is refused') : failed(`${answerOf(found)} to such a token`, found)
    }),
  },
  {
    id: 'V05',
    title: 'An audience that only resembles this server is refused',
    level: 'MUST',
    source: rfc('RFC 8707', '2'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const near = nearAudiences(laboratory.issuer.audience)
      const changes = Object.fromEntries(near.map(([label, aud]) => [label, { claims: { aud } }]))
      return refusesAll(target, await minted(laboratory, changes))
    }),
  },
  {
    id: 'V06',
    title: 'A token of another issuer is refused, even if it is signed with a trusted key',
    level: 'MUST',
    source: exactIssuer,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const { url } = laboratory.issuer
      return refusesAll(
        target,
        await minted(laboratory, {
          'a token of another tenant of the issuer': { claims: { iss: `${url}/other-tenant` } },
          'a token of an unrelated issuer': { claims: { iss: 'https://issuer.example' } },
          'a token without iss': { claims: { iss: undefined } },
        }),
      )
    }, 'jwt'),
  },
  {
    id: 'V07',
    title: 'The issuer is compared byte for byte, a slash at its end included',
    level: 'MUST',
    source: exactIssuer,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const { url } = laboratory.issuer
      return refusesAll(
        target,
        await minted(laboratory, {
          'a token whose iss ends in another slash': { claims: { iss: `${url}/` } },
          'a token whose iss is in capitals': { claims: { iss: url.replace('http', 'HTTP') } },
        }),
      )
    }, 'jwt'),
  },
  {
    id: 'V08',
    title: 'A token that has expired, or never does, is refused',
    level: 'MUST',
    source: rfc('RFC 9068', '4', 'The current time MUST be before the time represented by the "exp" claim.'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const now = Math.floor(Date.now() / 1000)
      return refusesAll(
        target,
        await minted(laboratory, {
          'a token that expired an hour ago': { claims: { iat: now - 2 * HOUR, exp: now - HOUR } },
          'a token without exp': { claims: { exp: undefined } },
          'a token whose exp is a text': { claims: { exp: 'never' } },
        }),
      )
    }, 'jwt'),
  },
  {
    id: 'V09',
    title: 'A token that is not valid yet (nbf) is refused',
    level: 'SHOULD',
    source: rfc('RFC 7519', '4.1.5'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const nbf = Math.floor(Date.now() / 1000) + HOUR
      return refusesAll(
        target,
        await minted(laboratory, { 'a token that is valid from an hour ahead': { claims: { nbf } } }),
      )
    }, 'jwt'),
  },
  {
    id: 'V20',
    title: 'A token without a subject is refused, or is its own client’s',
    level: 'practice',
    source: rfc('RFC 9068', '2.2'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const label = 'a token without sub'
      const of = (client: string) => issuer.token({ claims: { sub: undefined, client_id: client } })
      const token = await of('client-a')
      const found = await present(target, token, label)
      if (found.status === 401) return passed('it is refused')
      if (!isServed(found)) return failed(`${answerOf(found)} to ${label}`, found)
      const { era } = await question(target)
      const session = await openSession(target, era, bearer(token))
      const other = await of('client-b')
      target.hide(other, '<a token without sub, of another client>')
      if (Object.keys(session).length === 0) {
        return skipped(`the server accepts ${label}, and nobody can see from outside whom it belongs to`)
      }
      const shared = await target.call(message(era, 'tools/list', {}, session), bearer(other))
      return isServed(shared)
        ? failed('two clients whose tokens have no sub share an identity', shared)
        : passed('it is accepted, and belongs to its client')
    }),
  },
  {
    id: 'V27',
    title: 'Clocks may differ a little, and not by minutes',
    level: 'practice',
    source: rfc('RFC 7519', '4.1.4'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const now = Math.floor(Date.now() / 1000)
      const ahead = await laboratory.issuer.token({ claims: { iat: now + 2, nbf: undefined } })
      const found = await present(target, ahead, 'a token issued two seconds ahead')
      if (!isServed(found)) return failed(`${answerOf(found)} to a token that was issued two seconds ahead`, found)
      const old = { iat: now - HOUR, exp: now - 301 }
      return refusesAll(target, await minted(laboratory, { 'a token that expired five minutes ago': { claims: old } }))
    }, 'jwt'),
  },
]

/** Audiences that a comparison by prefix, or of a part alone, would take for this one. */
function nearAudiences(audience: string): [label: string, audience: string][] {
  const near: [string, string][] = [
    ['a token whose aud goes on', `${audience}-other`],
    ...(/^https?:/.test(audience) ? nearUrls(audience) : nearNames(audience)),
  ]
  return near.filter(([, aud]) => aud !== audience)
}

function nearNames(name: string): [label: string, audience: string][] {
  return [
    ['a token whose aud lacks the last character', name.slice(0, -1)],
    ['a token whose aud is in capitals', name.toUpperCase()],
  ]
}

/** Not among them: capitals in scheme and host, which MCP asks servers to take, and a slash at the end more or less. */
function nearUrls(url: string): [label: string, audience: string][] {
  const { protocol, hostname, pathname, origin } = new URL(url)
  const near: [string, string][] = [
    ['a token for another path of this host', `${origin}/other${pathname}`],
    ['a token for a path below this one', `${url.replace(/\/$/, '')}/below`],
    ['a token for another port of this host', `${protocol}//${hostname}:1${pathname}`],
    ['a token for a host whose name begins as ours', `${origin}.attacker.example${pathname}`],
  ]
  if (pathname === '/') return near
  return [
    ...near,
    ['a token whose aud lacks the last character', url.replace(/[^/]\/?$/, '')],
    ['a token whose aud has its path in capitals', url.replace(pathname, pathname.toUpperCase())],
    ['a token for the host alone', origin],
  ]
}
