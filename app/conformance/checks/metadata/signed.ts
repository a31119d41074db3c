import { isDeepStrictEqual } from 'node:util'
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import { failed, type Judgement, passed, skipped } from '../../check.ts'
import { authorizationServers, type Metadata } from '../../facts.ts'
import type { Target } from '../../target.ts'

/** What a JWT says about itself and not about the resource. */
const OWN_CLAIMS = ['iss', 'iat', 'exp', 'nbf', 'jti', 'sub', 'aud']

/** Reads `signed_metadata` as a consumer would who trusts the authorization servers that the document names. */
export async function judgeSigned({ found, document }: Metadata, target: Target): Promise<Judgement> {
  const { signed_metadata: signed } = document
  if (signed === undefined) return skipped('there is none')
  const claims = claimsOf(signed)
  if (typeof signed !== 'string' || claims === undefined) return failed('signed_metadata is not a JWT', found)
  if (decodeProtectedHeader(signed).alg === 'none') return failed('signed_metadata is not signed', found)
  if (typeof claims.iss !== 'string') return failed('signed_metadata has no iss', found)
  if ('signed_metadata' in claims) return failed('signed_metadata holds itself', found)
  const differing = Object.keys(claims).find(
    name => !OWN_CLAIMS.includes(name) && name in document && !isDeepStrictEqual(claims[name], document[name]),
  )
  if (differing !== undefined) return failed(`${differing} is another one in signed_metadata`, found)
  const keys = await keysOf(claims.iss, target)
  if (!keys) return skipped(`the keys of its issuer ${claims.iss} cannot be found out`)
  try {
    await jwtVerify(signed, createLocalJWKSet(keys))
    return passed()
  } catch {
    return failed('the signature does not verify with the keys of its issuer', found)
  }
}

function claimsOf(token: unknown): JWTPayload | undefined {
  try {
    return decodeJwt(String(token))
  } catch {
    return undefined
  }
}

async function keysOf(issuer: string, target: Target): Promise<JSONWebKeySet | undefined> {
  const server = (await authorizationServers(target)).find(each => each.issuer === issuer)
  const uri = server?.document?.jwks_uri
  if (typeof uri !== 'string') return undefined
  const { status, json } = await target.send({ method: 'GET', url: uri, headers: { accept: 'application/json' } })
  return status === 200 && Array.isArray(json?.keys) ? (json as unknown as JSONWebKeySet) : undefined
}
