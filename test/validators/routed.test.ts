import { describe, expect, it } from 'vitest'
import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createRoutedValidator, type OpaqueTokens, type Route } from '../../src/validators/routed.ts'
import { createContext, createKey, createProvider, mint, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { acceptedToken } from '../support/tokens.ts'

/** A validator that only notes what it is shown. */
function note(
  issuers: readonly string[],
  opaqueTokens: OpaqueTokens = 'none',
  answersFor?: (issuer: string) => boolean,
) {
  const shown: string[] = []
  const validate = async (token: string) => {
    shown.push(token)
    return acceptedToken({ issuer: issuers[0] })
  }
  const verifyAccessToken = async (token: string) => {
    await validate(token)
    const clientId = 'client-1'
    return {
      token,
      clientId,
      scopes: [],
      expiresAt: NOW,
      resource: new URL(RESOURCE),
      extra: { token: acceptedToken() },
    }
  }
  const route: Route = {
    validator: { issuers, answersFor, warmUp: async () => {}, validate, verifyAccessToken },
    opaqueTokens,
  }
  return { route, shown }
}

const routed = (...routes: [Route, ...Route[]]) =>
  createRoutedValidator(routes, { resource: 'https://mcp.example.com/mcp' })
const jwtOf = (iss: unknown) =>
  `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify({ iss })).toString('base64url')}.c2ln`

describe('a JWT', () => {
  it('goes to the validator that answers for its iss, and to no other', async () => {
    const one = note(['https://one.example', 'https://one.example/v1'])
    const two = note(['https://two.example'], 'any')
    const validator = routed(one.route, two.route)
    for (const issuer of ['https://one.example', 'https://one.example/v1']) await validator.validate(jwtOf(issuer))
    await validator.verifyAccessToken(jwtOf('https://two.example'))
    expect(one.shown).toEqual([jwtOf('https://one.example'), jwtOf('https://one.example/v1')])
    expect(two.shown).toEqual([jwtOf('https://two.example')])
    expect(validator.issuers).toEqual(['https://one.example', 'https://one.example/v1', 'https://two.example'])
  })

  it('of an issuer that no list spells out goes to the validator that says so', async () => {
    const shared = note(['https://login.example/common'], 'none', issuer => issuer.startsWith('https://login.example/'))
    const other = note(['https://two.example'], 'any')
    await routed(shared.route, other.route).validate(jwtOf('https://login.example/tenant-1'))
    expect(shared.shown).toHaveLength(1)
    expect(other.shown).toEqual([])
  })

  it('of an issuer in the other spelling goes the same way: the validator knows which one is right', async () => {
    const one = note(['https://one.example'])
    await routed(one.route, note(['https://two.example']).route).validate(jwtOf('https://one.example/'))
    expect(one.shown).toHaveLength(1)
  })

  it.each([
    'https://three.example',
    'https://one.example.evil.example',
    'https://one.exampl',
    'HTTPS://ONE.EXAMPLE',
    'https://one.example//',
    'https://one.example/v1',
    '',
  ])('of an unknown issuer (%j) is refused with issuer_unknown and shown to nobody', async issuer => {
    const one = note(['https://one.example'])
    const two = note(['https://two.example'], 'any')
    const error = await refusalOf(routed(one.route, two.route).validate(jwtOf(issuer)))
    expect(error).toBeInstanceOf(InvalidTokenError)
    expect(error.reason).toEqual({
      kind: 'issuer_unknown',
      actual: issuer,
      expected: ['https://one.example', 'https://two.example'],
    })
    expect([...one.shown, ...two.shown]).toEqual([])
  })
})

describe('an opaque token', () => {
  it('goes by its prefix, else to the one that takes any', async () => {
    const github = note(['https://github.example'], ['gho_', 'ghu_'])
    const google = note(['https://google.example'], ['ya29.'])
    const demo = note(['https://demo.example'], 'any')
    const validator = routed(github.route, google.route, demo.route)
    // The last two look like JWTs and are none.
    const tokens = ['gho_1', 'ghu_2', 'ya29.a0', 'ya29.c.b0.c1', 'abc', 'GHO_1', 'x.y.z', `a.${'%'.repeat(3)}.c`]
    for (const token of tokens) await validator.validate(token)
    expect(github.shown).toEqual(['gho_1', 'ghu_2'])
    expect(google.shown).toEqual(['ya29.a0', 'ya29.c.b0.c1'])
    expect(demo.shown).toEqual(['abc', 'GHO_1', 'x.y.z', 'a.%%%.c'])
  })

  it.each(['abc', 'x.y.z', '', jwtOf(undefined), jwtOf(['https://one.example']), jwtOf(null)])(
    'that is nobody’s (%j) is refused and shown to nobody',
    async token => {
      const one = note(['https://one.example'])
      const two = note(['https://two.example'], ['gho_'])
      const error = await refusalOf(routed(one.route, two.route).validate(token))
      expect(error).toBeInstanceOf(InvalidTokenError)
      expect(error.reason.kind).toBe('token_malformed')
      expect([...one.shown, ...two.shown]).toEqual([])
    },
  )
})

describe('an encrypted token', () => {
  const jweOf = (header: object) =>
    `${Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', ...header })).toString('base64url')}..AAAA.BBBB.CCCC`

  it('goes to the validator that answers for the iss in its header', async () => {
    const one = note(['https://tenant.eu.auth0.com/'])
    const two = note(['https://two.example'], 'any')
    await routed(one.route, two.route).validate(jweOf({ iss: 'https://tenant.eu.auth0.com/' }))
    expect(one.shown).toHaveLength(1)
    expect(two.shown).toEqual([])
  })

  it('of an unknown issuer, or that names none, is shown to nobody', async () => {
    const one = note(['https://one.example'])
    const two = note(['https://two.example'], 'any')
    const validator = routed(one.route, two.route)
    expect((await refusalOf(validator.validate(jweOf({ iss: 'https://three.example' })))).reason.kind).toBe(
      'issuer_unknown',
    )
    for (const iss of [undefined, null, 7]) {
      expect((await refusalOf(validator.validate(jweOf({ iss })))).reason).toEqual({ kind: 'token_encrypted' })
    }
    expect([...one.shown, ...two.shown]).toEqual([])
  })
})

describe('what is recognizably one provider’s', () => {
  it('goes there by what it looks like, too', async () => {
    const github = note(['https://github.example'], ['gho_', /^[0-9a-f]{40}$/])
    const demo = note(['https://demo.example'], 'any')
    const validator = routed(github.route, demo.route)
    const old = 'a'.repeat(40)
    for (const token of [old, `${old}0`, old.slice(1)]) await validator.validate(token)
    expect(github.shown).toEqual([old])
    expect(demo.shown).toEqual([`${old}0`, old.slice(1)])
  })

  it('is shown to nobody where that provider is not configured', async () => {
    const demo = note(['https://demo.example'], 'any')
    const validator = createRoutedValidator(
      [demo.route, note(['https://two.example']).route],
      { resource: RESOURCE },
      { foreignShapes: ['ghp_', '1//'] },
    )
    for (const token of ['ghp_0123', '1//0abc']) {
      const { reason } = await refusalOf(validator.validate(token))
      expect(reason).toEqual({
        kind: 'token_malformed',
        detail: 'a token or secret of a provider that is not configured',
      })
    }
    expect(demo.shown).toEqual([])
  })
})

describe('two providers that cannot be told apart', () => {
  const one = (issuer: string, opaqueTokens?: OpaqueTokens) => note([issuer], opaqueTokens).route

  it.each<[string, Route, Route, string]>([
    ['by issuer', one('https://one.example'), one('https://one.example'), 'https://one.example'],
    ['but by a slash', one('https://one.example'), one('https://one.example/'), 'https://one.example'],
    [
      'because one answers for the other’s issuer',
      one('https://login.example/tenant-1'),
      note(['https://login.example/common'], 'none', () => true).route,
      'https://login.example/tenant-1',
    ],
    ['by prefix', one('https://a.example', ['gho_']), one('https://b.example', ['x_', 'gho_']), 'gho_'],
    ['by prefixes, one in the other', one('https://a.example', ['gh']), one('https://b.example', ['gho_']), 'gho_'],
    [
      'by opaque tokens',
      one('https://a.example', 'any'),
      one('https://b.example', 'any'),
      'https://a.example and https://b',
    ],
  ])('%s are refused at the start', (_how, first, second, named) => {
    expect(() => routed(first, second)).toThrow(named)
    expect(() => routed(second, first)).toThrow('two providers cannot be told apart')
  })

  it('are not those with prefixes in common of their own', () => {
    expect(() => routed(one('https://a.example', ['gh', 'gho_']), one('https://b.example'))).not.toThrow()
  })
})

describe('two providers over HTTP', () => {
  function setUp() {
    const key = createKey('key-1')
    const provider = createProvider({
      'https://jwt.example/.well-known/oauth-authorization-server': () =>
        Response.json({ issuer: 'https://jwt.example', jwks_uri: 'https://jwt.example/jwks' }),
      'https://jwt.example/jwks': () => Response.json({ keys: [key.jwk] }),
      'https://opaque.example/introspect': async request => {
        const token = new URLSearchParams(await request.text()).get('token')
        const active = token === 'good'
        return Response.json(active ? { active, sub: 'user-2', client_id: 'client-2', aud: RESOURCE } : { active })
      },
    })
    const { context } = createContext(provider.fetch)
    const audience = { audience: [RESOURCE] } as const
    const credentials = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' } as const
    const jwt = createJwtValidator({ issuer: 'https://jwt.example', audience, types: ['at+jwt'] }, context)
    const opaque = createIntrospectionValidator(
      {
        issuer: 'https://opaque.example',
        introspectionEndpoint: 'https://opaque.example/introspect',
        audience,
        credentials,
      },
      context,
    )
    const validator = routed({ validator: jwt, opaqueTokens: 'none' }, { validator: opaque, opaqueTokens: 'any' })
    const asked = (origin: string) => provider.urls().filter(url => url.startsWith(origin)).length
    return { key, provider, validator, asked }
  }

  it('are each shown their own tokens only, whatever becomes of those', async () => {
    const { key, validator, asked } = setUp()
    expect((await validator.validate('good')).issuer).toBe('https://opaque.example')
    expect((await refusalOf(validator.validate('unknown'))).reason.kind).toBe('inactive')
    expect([asked('https://jwt.example'), asked('https://opaque.example')]).toEqual([0, 2])

    const good = mint(key, { iss: 'https://jwt.example' })
    expect((await validator.validate(good)).issuer).toBe('https://jwt.example')
    const expired = mint(key, { iss: 'https://jwt.example', exp: NOW - 60 })
    expect((await refusalOf(validator.validate(expired))).reason.kind).toBe('expired')
    expect([asked('https://jwt.example'), asked('https://opaque.example')]).toEqual([2, 2])
  })

  it('do not stand in for each other during an outage', async () => {
    const { key, provider, validator, asked } = setUp()
    provider.handlers['https://opaque.example/introspect'] = () => new Response('', { status: 503 })
    expect(await refusalOf(validator.validate('good'))).toBeInstanceOf(ValidatorUnavailableError)
    expect(asked('https://jwt.example')).toBe(0)
    await validator.validate(mint(key, { iss: 'https://jwt.example' }))
    await expect(validator.warmUp()).rejects.toBeInstanceOf(ValidatorUnavailableError)
  })
})
