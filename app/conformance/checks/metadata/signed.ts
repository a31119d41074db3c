import { isDeepStrictEqual } from 'node:util'
import {
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
} from 'jose'
import { failed, type Judgement, mild, passed, skipped } from '../../check.ts'
import { authorizationServers, type Document, type Metadata } from '../../facts.ts'
import type { Target } from '../../target.ts'

/** What a JWT says about itself and not about the resource. */
const OWN_CLAIMS = ['iss', 'iat', 'exp', 'nbf', 'jti', 'sub', 'aud']

/** Reads `signed_metadata` as a consumer would who trusts the authorization servers that the document names. */
export async function judgeSigned({ found, document }: Metadata, target: Target): Promise<Judgement> {
  const { signed_metadata: signed } = document
  if (signed === undefined) return skipped('there is none')
  const { alg, claims } = typeof signed === 'string' ? read(signed) : {}
  if (claims === undefined) return failed('signed_metadata is not a JWT', found)
  if (alg === undefined || alg === 'none') return failed('signed_metadata is not signed', found)
  if (typeof claims.iss !== 'string') return failed('signed_metadata has no iss', found)
  const doubt = doubtOf(claims, document)
  const isMac = alg.startsWith('HS')
  const keys = isMac ? undefined : await keysOf(claims.iss, target)
  if (keys) {
    try {
      await compactVerify(String(signed), createLocalJWKSet(keys))
    } catch {
      return failed('the signature does not verify with the keys of its issuer', found)
    }
  }
  if (doubt !== undefined) return mild(doubt, found)
  if (isMac) return skipped('it has a MAC, whose key only its consumers have')
  return keys ? passed() : skipped(`the keys of its issuer ${claims.iss} cannot be found out`)
}

/** What no MUST forbids, but RFC 9728 §2.2 advises against, or makes no sense. */
function doubtOf(claims: JWTPayload, document: Document): string | undefined {
  if ('signed_metadata' in claims) return 'signed_metadata holds itself'
  const differing = Object.keys(claims).find(
    name => !OWN_CLAIMS.includes(name) && name in document && !isDeepStrictEqual(claims[name], document[name]),
  )
  return differing === undefined ? undefined : `${differing} is another one in signed_metadata`
}

function read(token: string): { readonly alg?: string; readonly claims?: JWTPayload } {
  try {
    return { alg: decodeProtectedHeader(token).alg, claims: decodeJwt(token) }
  } catch {
    return {}
  }
}

async function keysOf(issuer: string, target: Target): Promise<JSONWebKeySet | undefined> {
  const server = (await authorizationServers(target)).find(each => each.issuer === issuer)
  const uri = server?.document?.jwks_uri
  if (typeof uri !== 'string') return undefined
  const { status, json } = await target.send({ method: 'GET', url: uri, headers: { accept: 'application/json' } })
  return status === 200 && Array.isArray(json?.keys) ? (json as unknown as JSONWebKeySet) : undefined
}
