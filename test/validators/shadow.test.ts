import { describe, expect, it } from 'vitest'
import { InvalidTokenError, ValidatorUnavailableError } from '../../src/errors.ts'
import type { PresentationScheme, TokenValidator, ValidatedToken } from '../../src/token-validator.ts'
import type { OpaqueTokens, Route } from '../../src/validators/routed.ts'
import { createShadowValidator, type ShadowObservation } from '../../src/validators/shadow.ts'
import { NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { acceptedToken } from '../support/tokens.ts'

type Answer = (token: string) => Promise<ValidatedToken>

const accept: Answer = async () => acceptedToken()
const refuse: Answer = () => Promise.reject(new InvalidTokenError({ kind: 'inactive' }))
const outage: Answer = () =>
  Promise.reject(
    new ValidatorUnavailableError({ kind: 'provider_timeout', endpoint: 'https://new.example', seconds: 5 }),
  )

function provider(issuer: string, opaqueTokens: OpaqueTokens, answer: Answer) {
  const shown: string[] = []
  const schemes: (PresentationScheme | undefined)[] = []
  const validate: TokenValidator['validate'] = (token, _connection, scheme) => {
    shown.push(token)
    schemes.push(scheme)
    return answer(token)
  }
  const route: Route = {
    opaqueTokens,
    validator: {
      issuers: [issuer],
      warmUp: async () => {},
      validate,
      async verifyAccessToken(token) {
        const validated = await validate(token)
        return {
          token,
          clientId: '',
          scopes: [],
          expiresAt: NOW,
          resource: new URL(RESOURCE),
          extra: { token: validated },
        }
      },
    },
  }
  return { route, shown, schemes }
}

const jwtOf = (iss: string) => `e30.${Buffer.from(JSON.stringify({ iss })).toString('base64url')}.c2ln`
const OLD = 'https://old.example'
const NEW = 'https://new.example'

/** The old provider with opaque tokens beside a new one, and what was observed. */
function setUp({
  old = accept,
  fresh = accept,
  oldTakes = 'any' as OpaqueTokens,
  freshTakes = 'none' as OpaqueTokens,
  freshIssuer = NEW,
} = {}) {
  const former = provider(OLD, oldTakes, old)
  const next = provider(freshIssuer, freshTakes, fresh)
  const seen: ShadowObservation[] = []
  const validator = createShadowValidator(
    {
      active: former.route.validator,
      activeRoutes: [former.route],
      shadow: next.route,
      foreignShapes: ['ghp_', '1//'],
      onObservation: observation => seen.push(observation),
    },
    { resource: RESOURCE },
  )
  return { validator, former, next, seen }
}

describe('a validator with another one in its shadow', () => {
  it('answers as the one in force does and shows its tokens to no other', async () => {
    const { validator, next, seen } = setUp()
    expect(await validator.validate('opaque')).toMatchObject({ subject: 'user-1' })
    expect(await validator.validate(jwtOf(OLD))).toMatchObject({ subject: 'user-1' })
    expect(next.shown).toEqual([])
    expect(seen).toMatchObject([
      { active: 'accepted', shadow: 'not_asked' },
      { active: 'accepted', shadow: 'not_asked' },
    ])
  })

  it('refuses a token of the new provider without showing it to the old, and says that the new would accept it', async () => {
    const { validator, former, next, seen } = setUp()
    const { reason } = await refusalOf(validator.validate(jwtOf(NEW)))
    expect(reason).toEqual({ kind: 'issuer_unknown', actual: NEW, expected: [OLD] })
    expect(former.shown).toEqual([])
    expect(next.shown).toEqual([jwtOf(NEW)])
    await expect.poll(() => seen).toMatchObject([{ active: 'not_asked', shadow: 'accepted' }])
  })

  it('says why the new provider would refuse its own token', async () => {
    const { validator, seen } = setUp({ fresh: refuse })
    await refusalOf(validator.validate(jwtOf(NEW)))
    await expect
      .poll(() => seen)
      .toMatchObject([{ active: 'not_asked', shadow: 'refused', reason: { kind: 'inactive' } }])
  })

  it('tells an outage of the new provider from a refusal', async () => {
    const { validator, seen } = setUp({ fresh: outage })
    await refusalOf(validator.validate(jwtOf(NEW)))
    await expect.poll(() => seen).toMatchObject([{ shadow: 'unavailable', reason: { kind: 'provider_timeout' } }])
  })

  it('lets an outage of the old provider be an outage', async () => {
    const { validator, seen } = setUp({ old: outage })
    expect(await refusalOf(validator.validate('opaque'))).toBeInstanceOf(ValidatorUnavailableError)
    expect(seen).toMatchObject([{ active: 'unavailable', shadow: 'not_asked' }])
  })

  it('has both look at a token whose issuer is that of both, and answers without waiting for the shadow', async () => {
    let release = () => {}
    const slow: Answer = async () => {
      await new Promise<void>(resolve => {
        release = resolve
      })
      throw new InvalidTokenError({ kind: 'audience_mismatch', actual: ['a'], expected: ['b'] })
    }
    const { validator, seen } = setUp({ fresh: slow, freshIssuer: OLD })
    expect(await validator.validate(jwtOf(OLD))).toMatchObject({ subject: 'user-1' })
    expect(seen).toEqual([])
    release()
    await expect
      .poll(() => seen)
      .toMatchObject([
        { active: 'accepted', shadow: 'refused', reason: { kind: 'audience_mismatch' }, token: { subject: 'user-1' } },
      ])
  })

  it('tells both how the token was presented: one bound to a key is good with a proof only', async () => {
    const { validator, former, next } = setUp({ freshIssuer: OLD })
    await validator.validate(jwtOf(OLD), undefined, 'DPoP')
    expect([former.schemes, next.schemes]).toEqual([['DPoP'], ['DPoP']])
  })

  it('tells opaque tokens of the new provider by their prefix', async () => {
    const { validator, former, next } = setUp({ freshTakes: ['gho_'] })
    await refusalOf(validator.validate('gho_123'))
    expect(former.shown).toEqual([])
    expect(next.shown).toEqual(['gho_123'])
  })

  it('shows opaque tokens without a prefix to the new provider only where the old one has none', async () => {
    const both = setUp({ freshTakes: 'any' })
    await both.validator.validate('opaque')
    expect(both.next.shown).toEqual([])
    const prefixed = setUp({ oldTakes: ['gho_'], freshTakes: 'any' })
    await refusalOf(prefixed.validator.validate('opaque'))
    await prefixed.validator.validate('gho_1')
    expect(prefixed.next.shown).toEqual(['opaque'])
    expect(prefixed.former.shown).toEqual(['gho_1'])
  })

  it('shows it nothing that is recognizably somebody else’s', async () => {
    const jwe = (header: object) => `${Buffer.from(JSON.stringify(header)).toString('base64url')}..AAAA.BBBB.CCCC`
    const { validator, former, next } = setUp({ oldTakes: ['gho_'], freshTakes: 'any' })
    const encrypted = jwe({ alg: 'dir', enc: 'A256GCM' })
    const tokens = [encrypted, jwe({ enc: 'A256GCM', iss: 'https://third.example' }), 'ghp_0123', '1//0abc']
    for (const token of tokens) await validator.validate(token)
    expect(former.shown).toEqual(tokens)
    expect(next.shown).toEqual([])
    await refusalOf(validator.validate(jwe({ enc: 'A256GCM', iss: NEW })))
    expect(next.shown).toHaveLength(1)
  })

  it('shows the one in force nothing that is recognizably of the new provider', async () => {
    const { validator, former, next } = setUp({ freshTakes: ['gho_', 'ghp_', /^[0-9a-f]{40}$/] })
    const tokens = ['ghp_0123', '0'.repeat(40)]
    for (const token of tokens) await refusalOf(validator.validate(token))
    expect(former.shown).toEqual([])
    expect(next.shown).toEqual(tokens)
  })

  it('leaves out what is too much for the shadow, and refuses nobody for it', async () => {
    const { validator, seen } = setUp({ fresh: () => new Promise(() => {}), freshIssuer: OLD })
    for (let count = 0; count < 101; count++) await validator.validate(jwtOf(OLD))
    expect(seen).toMatchObject([{ active: 'accepted', shadow: 'skipped' }])
  })

  it('is a verifier for the MCP SDKs, with the same observations', async () => {
    const { validator, seen } = setUp()
    expect(await validator.verifyAccessToken('opaque')).toMatchObject({ token: 'opaque' })
    await expect(validator.verifyAccessToken(jwtOf(NEW))).rejects.toMatchObject({
      cause: { reason: { kind: 'issuer_unknown' } },
    })
    await expect.poll(() => seen).toMatchObject([{ shadow: 'not_asked' }, { shadow: 'accepted' }])
  })
})
