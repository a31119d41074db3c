import { describe, expect, it } from 'vitest'
import { type Claims, createClaimJudge } from '../../src/engines/claim-judge.ts'
import type { InvalidTokenError } from '../../src/errors.ts'
import tokens from './real-servers/tokens.json' with { type: 'json' }
import { createContext } from './support.ts'

// Header and payload of tokens that these servers and emulators issued in November 2026 (their versions are in the names); the users are
// made up. oauth2-mock-server issues access tokens without aud and client unless its hooks add them.
const samples = Object.entries(tokens as Record<string, { kind: string; header: Claims; claims: Claims }>)
const ofKind = (kind: string) => samples.filter(([, sample]) => sample.kind === kind)

/** Judges a token where everything that it says about audience and client is accepted. */
function judge({ header, claims }: { header: Claims; claims: Claims }, changes: object = {}) {
  const { iat } = claims as { iat: number }
  const { context } = createContext(() => expect.fail('no call is needed'), { now: () => iat * 1000 })
  const audience = [claims.aud ?? 'none'].flat() as [string]
  const clientIds = [claims.client_id ?? claims.azp ?? 'none'] as [string]
  const rule = claims.aud === undefined ? { clientIds } : { audience }
  return createClaimJudge({ audience: rule }, 'required', context)(
    String(claims.iss),
    { ...claims, ...changes },
    header,
  )
}

describe('ID tokens of real servers', () => {
  it.each(ofKind('id'))('refuses an ID token although its audience is accepted: %s', (_name, sample) => {
    expect(() => judge(sample)).toThrow()
  })

  it.each(ofKind('id'))('refuses an ID token as such when it names its client: %s', (_name, sample) => {
    const [client] = [sample.claims.aud].flat() as string[]
    const kindOf = (changes: object) => {
      try {
        judge(sample, { azp: client, ...changes })
      } catch (error) {
        return (error as InvalidTokenError).reason.kind
      }
      return expect.fail('the token was accepted')
    }
    expect(kindOf({})).toMatch(/id_token$/)
    // As for a client that sends no nonce.
    expect(kindOf({ nonce: undefined })).toMatch(/id_token$/)
  })
})

describe('access tokens of real servers', () => {
  const complete = ofKind('access').filter(([, { claims }]) => claims.client_id !== undefined)
  // Its only audience is the client, and nothing tells it from an ID token.
  const doubtful = 'lemonldap-ng-2.16.1.access-token-no-extra-audience'

  it.each(complete.filter(([name]) => name !== doubtful))(
    'does not take an access token for an ID token: %s',
    (_name, sample) => {
      expect(judge(sample).subject).not.toBe('')
    },
  )

  it('refuses an access token as a possible ID token when nothing tells them apart', () => {
    const [, sample] = complete.find(([name]) => name === doubtful) ?? expect.fail('no such token')
    expect(() => judge(sample)).toThrow('maybe_id_token')
  })
})
